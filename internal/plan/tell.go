package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/rename"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// tellTopic lists where files that are not as forge writes them name the old topic, or
// what was called after it in Go that is not built with the module.
func (r *renamer) tellTopic(module rename.Module) {
	from, to, types := module.Texts.Topic[0], module.Texts.Topic[1], module.Texts.Type
	words := rename.Words{Topic: from, Texts: map[string]string{from: to, from + ".dlq": to + ".dlq"}}
	for _, topic := range r.Record.Answers.Topics {
		if topic != from {
			words.Others = append(words.Others, topic)
		}
	}
	for name := range r.moved {
		words.Files = append(words.Files, path.Base(name))
	}
	if r.Record.Answers.Has(answers.HTTP) {
		words.Texts["/"+from] = "/" + to
	}
	if types[0] != types[1] {
		words.Texts[types[0]] = types[1]
	}
	renamed := renamedOf(module.Packages)
	r.tell(func(name string, content []byte) []rename.Place {
		if !isGo(name) {
			return words.Lines(name, content)
		}
		found := append(words.Literals(name, content), words.Comments(name, content, renamed, r.concerns(name, content, module.Packages))...)
		if module.Files[name] == nil {
			found = append(found, r.uses(name, content, module.Packages)...)
		}
		slices.SortStableFunc(found, func(a, b rename.Place) int { return cmp.Compare(a.Line, b.Line) })
		return found
	}, func(name string) bool {
		return path.Base(name) != goMod && !isSample(name) && (!isGo(name) || module.Files[name] != nil || r.record[name].Owner != project.Managed)
	})
}

// concerns reports whether a Go file is of one of some packages, or imports one.
func (r *renamer) concerns(name string, content []byte, packages []rename.Package) bool {
	names, err := wire.NamesOf(content)
	return err == nil && slices.ContainsFunc(packages, func(p rename.Package) bool {
		return path.Dir(name) == p.Dir || names.Imported[r.module+"/"+p.Dir] != nil
	})
}

// renamedOf are all names of some packages that are others now.
func renamedOf(packages []rename.Package) map[string]string {
	all := make(map[string]string)
	for _, p := range packages {
		maps.Copy(all, p.Names)
		maps.Copy(all, p.Tests)
	}
	maps.DeleteFunc(all, func(old, now string) bool { return old == now })
	return all
}

// uses are the places of a Go file that use names which are others now.
func (r *renamer) uses(name string, content []byte, packages []rename.Package) (found []rename.Place) {
	names, err := wire.NamesOf(content)
	if err != nil {
		return nil
	}
	for _, p := range packages {
		used := names.Imported[r.module+"/"+p.Dir]
		for _, old := range slices.Sorted(maps.Keys(p.Names)) {
			if now := p.Names[old]; used[old] > 0 && now != old {
				found = append(found, rename.Place{Path: name, Line: used[old], Text: fmt.Sprintf("%s.%s is %s.%s now", path.Base(p.Dir), old, path.Base(p.Dir), now)})
			}
		}
	}
	return found
}

// tellSchemas lists the exported schemas of the old topic: the service writes those
// of the new one itself.
func (r *renamer) tellSchemas(from string) {
	for _, name := range r.Disk.Files() {
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

// mayBeSecret reports whether a file of that name has settings that nobody should see.
func mayBeSecret(name string) bool {
	return name != ".env.example" && !isGo(name) && path.Ext(name) != ".md" && envFile.MatchString(name)
}

// envFile is the name of a file with settings: .env, prod.env, .env.local, env.production,
// .envrc.
var envFile = regexp.MustCompile(`(?i)(^|\.)env(rc|\.|$)`)

// few are the first lines of those of a file, and how many there are more.
func few(lines []Line) []Line {
	const atMost = 20
	if n := len(lines) - atMost; n > 0 {
		lines = append(lines[:atMost], Line{'=', fmt.Sprintf("and %d more", n)})
	}
	return lines
}

// tell lists what may have to be changed by hand in files that are not as forge
// writes them.
func (r *renamer) tell(find func(name string, content []byte) []rename.Place, wanted func(name string) bool) {
	for _, name := range slices.Concat(r.Disk.Files(), r.Disk.Others()) {
		disk, err := r.Disk.File(name)
		if err != nil || !wanted(name) || !disk.Mode.IsRegular() || name == project.Path || path.Base(name) == "go.sum" {
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
		s := Step{Path: to, Kind: Keep, Reason: "still uses the old name"}
		told, isForges := make(map[Line]bool), r.isForges(to, content)
		for _, p := range find(to, content) {
			if mayBeSecret(path.Base(to)) {
				p.Text = "not shown, since it may be a secret"
			}
			if l := (Line{'=', fmt.Sprintf("line %d: %s", p.Line, p.Text)}); !told[l] && !isForges(p.Line) {
				told[l] = true
				s.Lines = append(s.Lines, l)
			}
		}
		if len(s.Lines) > 0 {
			s.Lines = few(s.Lines)
			r.step(s)
		}
	}
	r.tellLinks(find)
}

// tellLinks lists the same of Go files that are links.
func (r *renamer) tellLinks(find func(name string, content []byte) []rename.Place) {
	links := r.Disk.Links()
	for _, name := range slices.Sorted(maps.Keys(links)) {
		s := Step{Path: name, Kind: Keep, Reason: "is a link, which forge does not change: it may use the old name"}
		for _, p := range find(name, links[name]) {
			s.Lines = append(s.Lines, Line{'=', fmt.Sprintf("line %d: %s", p.Line, p.Text)})
		}
		if links[name] == nil {
			s.Lines = []Line{{'=', "is not read: see where it leads"}}
		}
		if s.Left() {
			r.step(s)
		}
	}
}

// isForges returns what reports whether a line of a file is one that forge itself writes
// there with the new name: it names something else.
func (r *renamer) isForges(name string, content []byte) func(line int) bool {
	written := make(map[string]bool)
	for line := range bytes.Lines(r.next[name].Content) {
		written[string(bytes.TrimRight(line, "\r\n"))] = true
	}
	lines := bytes.Split(content, []byte("\n"))
	return func(line int) bool {
		return line > 0 && line <= len(lines) && written[string(bytes.TrimRight(lines[line-1], "\r"))]
	}
}
