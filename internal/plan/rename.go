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
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/rename"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// Tree is a Disk that knows all files of the project.
type Tree interface {
	Disk
	Files() []string // without those of other modules, of libraries, and of git
}

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

	tree  Tree
	moved map[string]string        // the new paths of files, by the old ones
	edits map[string][]rename.Edit // of Go files, beside what base and next say
	after map[string][]byte        // what the user has edited, as it is afterwards, by its new path
}

// RenameTopic makes the plan of giving a topic another name. Base and Next have the
// old answers and the new ones.
func RenameTopic(in Input, tree Tree, from, to string) Plan {
	r := renamer{planner: newPlanner(in), tree: tree, moved: Moved(in.Base, in.Next, from, to), after: make(map[string][]byte)}
	r.checkModule()
	texts := rename.Texts{Topic: [2]string{from, to}, Type: r.types(answers.NamesOf(from), answers.NamesOf(to)), Moved: r.moved}
	module := rename.Module{Path: r.module, Files: r.concerned(), Packages: r.packages(answers.NamesOf(from).File), Texts: texts}
	edits, problems := module.Rename()
	for _, p := range problems {
		r.refuse(Refusal{Path: at(p), Reason: p.Text, Hint: "change what is named by hand first, or choose another topic; an embedded type can become a field with a name of its own"})
	}
	r.edits = edits
	for _, name := range r.tree.Files() {
		if isSample(name) {
			if f, err := r.Disk.File(name); err == nil {
				r.edits[name] = rename.Samples(f.Content, texts)
			}
		}
	}
	r.decideAll()
	values := map[string]string{from: to, from + ".dlq": to + ".dlq"}
	if in.Record.Answers.Has(answers.HTTP) {
		values["/"+from] = "/" + to
	}
	if texts.Type[0] != texts.Type[1] {
		values[texts.Type[0]] = texts.Type[1]
	}
	isConcerned := func(name string) bool { return module.Files[name] != nil }
	r.tell(func(name string, content []byte) []rename.Place { return rename.Literals(name, content, values) }, isConcerned)
	r.tellSchemas(from)
	r.plan.Notes = r.notes(texts)
	return r.done()
}

// tellSchemas lists the exported schemas of the old topic: the service writes those
// of the new one itself.
func (r *renamer) tellSchemas(from string) {
	for _, name := range r.tree.Files() {
		isOthers := slices.ContainsFunc(r.Record.Answers.Topics, func(topic string) bool {
			return len(topic) > len(from) && strings.HasPrefix(path.Base(name), topic+"-")
		})
		if r.Record.Answers.Has(answers.Avro) && path.Dir(name) == "schemas" && strings.HasPrefix(path.Base(name), from+"-") && !isOthers {
			r.step(Step{Path: name, Kind: Keep, Reason: "is a schema of the old topic", Lines: []Line{
				{'=', "`go run . schema export` writes that of the new one; delete this when nobody reads the old topic"},
			}})
		}
	}
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
	files := r.sources()
	maps.DeleteFunc(files, func(name string, src []byte) bool {
		return r.record[name].Owner == project.Managed && !slices.ContainsFunc(topicDirs, func(dir string) bool {
			return bytes.Contains(src, []byte(`"`+r.module+"/"+dir+`"`))
		})
	})
	return files
}

// sources are the Go files of the module in which something may be renamed: not
// those that forge manages and that are as it wrote them.
func (r *renamer) sources() map[string][]byte {
	files := make(map[string][]byte)
	for _, name := range r.tree.Files() {
		if !isBuilt(name) {
			continue
		}
		f, err := r.Disk.File(name)
		if err == nil && f.Mode.IsRegular() && (r.record[name].Owner != project.Managed || !r.isPristine(name, f)) {
			files[name] = f.Content
		}
	}
	return files
}

// isBuilt reports whether a file is Go that is built with the module.
func isBuilt(name string) bool {
	if !isSource(name) {
		return false
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "testdata" || element[0] == '_' || element[0] == '.' {
			return false
		}
	}
	return true
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
		if !ok || !isSource(name) || !slices.Contains(topicDirs, path.Dir(name)) || !isOwn && bytes.Equal(next.Content, r.base[name].Content) {
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
		r.refuse(Refusal{Path: name, Reason: "cannot be read: " + cause(err), Hint: "see what is there"})
	case !disk.Mode.IsRegular():
		r.leave(base, render.File{Path: name, Content: next.Content}, "is no regular file: it stays")
	case !isSame && !r.proven(name):
		r.refuseUnproven(name)
	case !isSame && r.isPristine(name, disk):
		r.become(name, to, disk, next.Content)
	default:
		edits, missed := rename.Lines(base.Content, next.Content, disk.Content)
		r.edit(name, to, disk, append(edits, r.edits[name]...))
		r.miss(to, missed)
	}
}

// edit edits a file that the user has changed, and moves it.
func (r *renamer) edit(name, to string, disk File, edits []rename.Edit) {
	content := rename.Apply(disk.Content, edits)
	if isSource(name) {
		content = rename.Format(disk.Content, content)
		if err := parse(content); err != nil && parse(disk.Content) == nil {
			r.refuse(Refusal{Path: name, Reason: "would be no Go: " + err.Error(), Hint: "see what is there"})
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
	if next, ok := r.next[to]; ok && bytes.Equal(next.Content, content) {
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
	if isSource(name) || name == goMod || isSample(name) || len(missed) == 0 {
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

// tell lists what may have to be changed by hand in files that are not as forge
// writes them.
func (r *renamer) tell(find func(name string, content []byte) []rename.Place, wanted func(name string) bool) {
	for _, name := range r.tree.Files() {
		disk, err := r.Disk.File(name)
		if err != nil || !wanted(name) || !disk.Mode.IsRegular() || name == project.Path {
			continue
		}
		if _, ok := r.record[name]; ok && r.isPristine(name, disk) && r.after[name] == nil {
			continue
		}
		to := r.target(name)
		content := disk.Content
		if changed, ok := r.after[to]; ok {
			content = changed
		}
		s := Step{Path: to, Kind: Keep, Reason: "names what has another name now"}
		for _, p := range find(to, content) {
			if l := (Line{'=', fmt.Sprintf("line %d: %s", p.Line, p.Text)}); !slices.Contains(s.Lines, l) {
				s.Lines = append(s.Lines, l)
			}
		}
		if len(s.Lines) > 0 {
			r.step(s)
		}
	}
}
