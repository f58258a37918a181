package plan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/rename"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// Moved returns where the files of a topic are that has another name, by where
// they were.
func Moved(base, next *render.Tree, from, to string) map[string]string {
	was, is := byPath(base), byPath(next)
	old, now := answers.NamesOf(from).File, answers.NamesOf(to).File
	moved := make(map[string]string)
	if old == now || from == "" {
		return moved
	}
	for name := range was {
		dir, file := path.Split(name)
		rest, ok := strings.CutPrefix(file, old)
		if target := dir + now + rest; ok && is[name].Path == "" && is[target].Path != "" {
			moved[name] = target
		}
	}
	return moved
}

// topicDirs are where topics have Go files.
var topicDirs = []string{"handlers", "models", "web"}

// renamer decides what happens to each file when something gets another name.
type renamer struct {
	*planner

	moved map[string]string        // the new paths of files, by the old ones
	edits map[string][]rename.Edit // of Go files, beside what base and next say
	after map[string][]byte        // what the user has edited, as it is afterwards, by its new path
}

// RenameTopic makes the plan of giving a topic another name. Base and Next have the
// old answers and the new ones.
func RenameTopic(in Input, from, to string) Plan {
	r := renamer{planner: newPlanner(in), moved: Moved(in.Base, in.Next, from, to), after: make(map[string][]byte)}
	r.checkModule()
	texts := rename.Texts{Topic: [2]string{from, to}, Type: r.types(answers.NamesOf(from), answers.NamesOf(to)), Moved: r.moved}
	module := rename.Module{Path: r.module, Files: r.concerned(), Packages: r.packages(answers.NamesOf(from).File), Texts: texts}
	edits, problems := module.Rename()
	for _, p := range problems {
		r.refuse(Refusal{Path: at(p.Place), Reason: p.Text, Hint: p.Hint})
	}
	r.edits = edits
	for _, name := range r.Disk.Files() {
		if isSample(name) {
			if f, err := r.Disk.File(name); err == nil {
				r.edits[name] = rename.Samples(f.Content, texts)
			}
		}
	}
	r.decideAll()
	r.tellTopic(module)
	r.tellSchemas(from)
	r.plan.Notes = r.notes(texts)
	return r.done()
}

// notes tell what changes for those who send messages.
func (r *renamer) notes(t rename.Texts) (notes []string) {
	for _, s := range r.plan.Steps {
		is := func(dir string) bool { return path.Dir(s.Path) == dir && s.Kind != Delete }
		if is("models") && t.Type[0] != t.Type[1] && bytes.Contains(s.Content, []byte(`return "`+t.Type[1]+`"`)) {
			notes = append(notes, fmt.Sprintf("the model's messages are of the type %s, were %s: producers have to say so in messageType", t.Type[1], t.Type[0]))
		}
		if is("web") && bytes.Contains(s.Content, []byte(`, "/`+t.Topic[1]+`", New`)) {
			notes = append(notes, fmt.Sprintf("what is taken over HTTP is POST /%s, was POST /%s", t.Topic[1], t.Topic[0]))
		}
	}
	return notes
}

func isSample(name string) bool {
	return path.Dir(name) == "dev/samples" && path.Ext(name) == ".json"
}

func at(p rename.Place) string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("%s:%d", p.Path, p.Line)
}

// types are the message types of the topic's model, if it has them of the topic and
// not of a schema.
func (r *renamer) types(was, is answers.Names) [2]string {
	says := func(f render.File, name string) bool { return bytes.Contains(f.Content, []byte("return \""+name+"\"")) }
	if says(r.base["models/"+was.File+".go"], was.MessageType) && says(r.next["models/"+is.File+".go"], is.MessageType) {
		return [2]string{was.MessageType, is.MessageType}
	}
	return [2]string{}
}

// target is where a file is afterwards.
func (r *renamer) target(name string) string { return cmp.Or(r.moved[name], name) }

// concerned are the Go files in which a topic may be renamed: of those that forge
// manages, whose tests have topics of their own, only what imports the user's packages.
func (r *renamer) concerned() map[string][]byte {
	files := r.usersGo()
	maps.DeleteFunc(files, func(name string, src []byte) bool {
		return r.record[name].Owner == project.Managed && !slices.ContainsFunc(topicDirs, func(dir string) bool {
			return bytes.Contains(src, []byte(`"`+r.module+"/"+dir+`"`))
		})
	})
	return files
}

// usersGo are the Go files of the module in which something may be renamed: not
// those that forge manages and that are as it wrote them.
func (r *renamer) usersGo() map[string][]byte {
	files := make(map[string][]byte)
	for _, name := range r.Disk.GoFiles() {
		f, err := r.Disk.File(name)
		if err == nil && f.Mode.IsRegular() && (r.record[name].Owner != project.Managed || !r.isPristine(name, f)) {
			files[name] = f.Content
		}
	}
	return files
}

// isOfTopic reports whether a file is one of the topic whose files have that name.
func isOfTopic(name, file string) bool {
	rest, ok := strings.CutPrefix(path.Base(name), file)
	return ok && (rest == ".go" || rest == "_test.go")
}

// packages are what the topic's files declare, before and after, and those of other
// topics that have to give way to it, or need not any more.
func (r *renamer) packages(file string) []rename.Package {
	byDir := make(map[string]*rename.Package)
	for _, name := range slices.Sorted(maps.Keys(r.base)) {
		next, ok := r.next[r.target(name)]
		isOwn := isOfTopic(name, file)
		if !ok || !isGo(name) || !slices.Contains(topicDirs, path.Dir(name)) || !isOwn && bytes.Equal(next.Content, r.base[name].Content) {
			continue
		}
		old, err := wire.NamesOf(r.base[name].Content)
		if err != nil {
			continue
		}
		now, err := wire.NamesOf(next.Content)
		if err != nil || len(now.Declared) != len(old.Declared) || !isOwn && slices.Equal(now.Declared, old.Declared) {
			continue
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &rename.Package{Dir: dir, Names: make(map[string]string), Tests: make(map[string]string)}
		}
		names := byDir[dir].Names
		if strings.HasSuffix(name, "_test.go") {
			names = byDir[dir].Tests
		}
		for i, declared := range old.Declared {
			names[declared] = now.Declared[i]
		}
	}
	var all []rename.Package
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		all = append(all, *byDir[dir])
	}
	return all
}

// decideAll makes the steps of forge's files, and then of the user's.
func (r *renamer) decideAll() {
	for _, name := range slices.Sorted(maps.Keys(r.base)) {
		if to := r.target(name); r.next[to].Path != "" {
			r.decide(name, to)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.edits)) {
		if _, ok := r.base[name]; ok || len(r.edits[name]) == 0 {
			continue
		}
		if disk, err := r.Disk.File(name); err == nil {
			r.edit(name, name, disk, r.edits[name])
		}
	}
}

// decide makes the step of a file that forge has written.
func (r *renamer) decide(name, to string) {
	base, next := r.base[name], r.next[to]
	isSame := bytes.Equal(base.Content, next.Content) && name == to
	disk, err := r.Disk.File(name)
	if isSame && (len(r.edits[name]) == 0 || err == nil && r.isPristine(name, disk)) {
		return
	}
	if to != name {
		if _, taken := r.Disk.File(to); taken == nil && err == nil {
			r.refuse(Refusal{Path: to, Reason: "is there already", Hint: "move it away, or choose another name"})
			return
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist): // it stays away
	case err != nil:
		r.refuse(Refusal{Path: name, Reason: "cannot be read: " + cause(err), Hint: readHint})
	case !disk.Mode.IsRegular():
		r.leave(base, render.File{Path: name, Content: next.Content}, disk, "is no regular file: it stays")
	case !isSame && !r.proven(name):
		r.refuseUnproven(name)
	case !isSame && r.isPristine(name, disk):
		r.become(name, to, disk, merge.LikeLines(disk.Content, next.Content))
	case r.isOpenAPI(name):
		if !r.mergeOpenAPI(base, next, disk) {
			r.step(Step{Path: name, Kind: Keep, Reason: "is changed by you at the same lines: it stays", Lines: []Line{updateOpenAPI}})
		}
	default:
		edits, missed := rename.Lines(base.Content, next.Content, disk.Content)
		r.edit(name, to, disk, append(edits, r.edits[name]...))
		r.miss(to, missed)
	}
}

// mergeOpenAPI merges the description of the API. It reports false where the user has
// changed the same lines of an entry.
func (r *renamer) mergeOpenAPI(base, next render.File, disk File) bool {
	merged, ok := r.merge(openAPI, base.Content, disk.Content, next.Content)
	if ok {
		r.after[openAPI] = merged
		r.become(openAPI, openAPI, disk, merged)
	}
	return ok
}

// edit edits a file that the user has changed, and moves it.
func (r *renamer) edit(name, to string, disk File, edits []rename.Edit) {
	content := rename.Apply(disk.Content, edits)
	if isGo(name) {
		content = rename.Format(disk.Content, content)
		if err := parse(content); err != nil && parse(disk.Content) == nil {
			r.refuse(Refusal{Path: name, Reason: "would not parse as Go: " + err.Error(), Hint: "see whether the lines that you changed there are Go"})
		}
	}
	r.after[to] = content
	r.become(name, to, disk, content)
}

func parse(src []byte) error {
	_, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	return err
}

// become makes a file, which may get another name, have the content.
func (r *renamer) become(name, to string, disk File, content []byte) {
	kind := Edit
	if next, ok := r.next[to]; ok && bytes.Equal(merge.LikeLines(disk.Content, next.Content), content) {
		kind = Replace
	}
	switch {
	case name != to:
		reason := "was " + name
		if kind == Edit {
			reason += ", with your edits"
		}
		r.step(Step{Path: name, Kind: Delete, Reason: "is " + to + " now"})
		r.step(Step{Path: to, From: name, Kind: Write, Mode: disk.Mode.Perm(), Content: content, Reason: reason})
	case !bytes.Equal(content, disk.Content):
		r.step(Step{Path: to, Kind: kind, Mode: disk.Mode.Perm(), Content: content})
	}
}

// miss tells of lines that the user has changed. What Go says is found in the
// syntax tree, and documents may say it in other words.
func (r *renamer) miss(name string, missed []rename.Missed) {
	if isGo(name) || name == goMod || isSample(name) || len(missed) == 0 {
		return
	}
	s := Step{Path: name, Kind: Keep, Reason: "has lines that you have changed: they stay"}
	for _, m := range missed {
		for _, l := range m.Base {
			s.Lines = append(s.Lines, Line{'-', strings.TrimSuffix(l, "\n")})
		}
		for _, l := range m.Next {
			s.Lines = append(s.Lines, Line{'+', strings.TrimSuffix(l, "\n")})
		}
	}
	if path.Ext(name) == ".md" {
		s.Lines = nil
	}
	r.step(s)
}
