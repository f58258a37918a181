// Package plan decides what happens to each file of a project when its answers
// change. It is a pure function of what forge wrote, what it would write now, and
// what is there.
package plan

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// Plan is what happens to all files.
type Plan struct {
	Steps    []Step // sorted by path; the record is not among them
	Refusals []Refusal
	Notes    []string        // what changes for others
	Unproven []string        // files that were not written from this template
	Record   project.Project // as it is afterwards
}

// File is a file of the project as it is on the disk.
type File struct {
	Content []byte
	Mode    fs.FileMode // with the bits of its type
}

// Disk is what is there. A file that is not there is fs.ErrNotExist.
type Disk interface {
	File(path string) (File, error)
	Files() []string   // without those of other modules, of libraries, and of git
	GoFiles() []string // of these the Go files that are built with the module
	Others() []string  // the Go files of other modules in the project's directories

	// Links are Go files that are built with the module and are links to what is none
	// of the GoFiles, with what is there; nil if that cannot be read.
	Links() map[string][]byte
	LinksTo() map[string]string // the paths of files of the project, by those of links that lead there
}

// Input is what a plan is made of.
type Input struct {
	Record     project.Project // with the old answers
	Base, Next *render.Tree    // rendered with the old and the new answers
	Disk       Disk
	Gone       []string // the topics that the new answers have not
	Source     string   // that the new answers have; empty: that of the old ones
}

// Make makes the plan.
func Make(in Input) Plan {
	p := newPlanner(in)
	var all []string
	for name := range p.base {
		all = append(all, name)
	}
	for name := range p.next {
		if _, ok := p.base[name]; !ok {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	libraries := func(name string) bool { return name == goMod || name == goSum }
	for _, name := range slices.DeleteFunc(slices.Clone(all), libraries) {
		p.decide(name)
	}
	clear(p.names) // from here on, files are what their steps make of them
	p.keepUsed()
	for _, name := range all { // by what stays and what it imports
		if libraries(name) {
			p.decide(name)
		}
	}
	p.warnMembers()
	p.tellRegistered()
	p.tellUnread()
	p.tellSettings()
	p.tellModels()
	p.refusePackages()
	p.refuseTwice()
	p.refuseLost()
	return p.done()
}

func newPlanner(in Input) *planner {
	p := &planner{
		Input: in, base: byPath(in.Base), next: byPath(in.Next), record: make(map[string]project.File),
		module: in.Record.Answers.Module, names: make(map[string]wire.Names), nexts: make(map[string]wire.Names),
	}
	for _, f := range in.Record.Files {
		p.record[f.Path] = f
		if base, ok := p.base[f.Path]; !ok || project.Sum(base.Content) != f.SHA256 {
			p.plan.Unproven = append(p.plan.Unproven, f.Path)
		}
	}
	return p
}

// done is the plan with its steps in order and the record afterwards.
func (p *planner) done() Plan {
	p.tellDangling()
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int { return cmp.Compare(a.Path, b.Path) })
	p.plan.Steps = joined(p.plan.Steps)
	p.plan.Record = p.newRecord()
	return p.plan
}

type planner struct {
	Input

	base, next map[string]render.File
	record     map[string]project.File
	module     string
	names      map[string]wire.Names // of Go files, as they are afterwards
	nexts      map[string]wire.Names // of those of next
	kept       *bool                 // what keepsLibrary returned
	plan       Plan
}

func byPath(t *render.Tree) map[string]render.File {
	files := make(map[string]render.File, len(t.Files))
	for _, f := range t.Files {
		if f.Path != project.Path {
			files[f.Path] = f
		}
	}
	return files
}

// decide makes the step for one file, if anything happens to it.
func (p *planner) decide(name string) {
	base, was := p.base[name]
	next, is := p.next[name]
	if was && is && bytes.Equal(base.Content, next.Content) {
		return
	}
	disk, err := p.Disk.File(name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		p.refuse(Refusal{Path: name, Reason: "cannot be read: " + cause(err), Hint: readHint})
	case !is && err == nil:
		p.remove(name, disk)
	case !is: // gone already
	case !was && err != nil:
		p.step(Step{Path: name, Kind: Write, Mode: next.Mode, Content: next.Content})
	case !was && bytes.Equal(disk.Content, next.Content) && disk.Mode.IsRegular(): // there already
	case !was:
		p.refuse(Refusal{Path: name, Reason: "is there already, with other content", Hint: "move it away, or choose another name"})
	case !p.proven(name):
		p.refuseUnproven(name)
	default:
		p.change(base, next, disk, err == nil)
	}
}

func (p *planner) refuseUnproven(name string) {
	p.refuse(Refusal{
		Path: name, Reason: "was written by another forge (" + p.Record.Forge + "), whose template this one does not have",
		Hint: "`forge update` first, or use the forge that wrote it",
	})
}

func (p *planner) step(s Step)      { p.plan.Steps = append(p.plan.Steps, s) }
func (p *planner) refuse(r Refusal) { p.plan.Refusals = append(p.plan.Refusals, r) }

// proven reports whether base is what forge wrote.
func (p *planner) proven(name string) bool {
	base, ok := p.base[name]
	return ok && project.Sum(base.Content) == p.record[name].SHA256
}

// isPristine reports whether a file is as forge wrote it, but for its line ends.
func (p *planner) isPristine(name string, disk File) bool {
	return disk.Mode.IsRegular() && p.record[name].Is(disk.Content)
}

// remove takes out a file that is as forge wrote it.
func (p *planner) remove(name string, disk File) {
	if p.isPristine(name, disk) {
		p.step(Step{Path: name, Kind: Delete})
		return
	}
	p.step(Step{Path: name, Kind: Keep, Reason: "is changed by you: it stays", Stays: true})
}

// change makes of a file what next is.
func (p *planner) change(base, next render.File, disk File, isThere bool) {
	name := next.Path
	isWiring := path.Ext(name) == ".go" && next.Owner == project.User && !strings.HasSuffix(name, "_test.go")
	switch {
	case !isThere && isWiring:
		p.wire(base, next, File{Content: []byte("package gone\n")}, "is not there any more")
	case !isThere:
		p.step(Step{Path: name, Kind: Keep, Reason: "is removed by you: it stays away"})
	case !disk.Mode.IsRegular():
		p.leave(base, next, disk, "is no regular file: it stays")
	case p.isPristine(name, disk) && (name != goMod && name != goSum || !p.keepsLibrary()):
		p.step(Step{Path: name, Kind: Replace, Mode: disk.Mode.Perm(), Content: merge.LikeLines(disk.Content, next.Content)})
	case bytes.Equal(disk.Content, next.Content): // somebody has done it by hand
	case name == goMod && modfile.ModulePath(disk.Content) == "":
		p.refuseNoModule()
	case path.Ext(name) == ".go":
		if merged, ok := mergeGo(base.Content, disk.Content, next.Content); ok && next.Owner == project.Managed {
			p.step(Step{Path: name, Kind: Edit, Mode: disk.Mode.Perm(), Content: merged})
			return
		}
		p.wire(base, next, disk, "")
	default:
		merged, ok := p.merge(name, base.Content, disk.Content, next.Content)
		if !ok {
			p.leave(base, next, disk, "is changed by you at the same lines: it stays, and these are yours to change")
		} else if !bytes.Equal(merged, disk.Content) {
			p.step(Step{Path: name, Kind: Edit, Mode: disk.Mode.Perm(), Content: merged})
		}
		if name == goSum && merge.HasTooMuch(base.Content, next.Content, merged, p.contentOf(goMod)) {
			p.step(TooMuch())
		}
	}
}

// wire changes a Go file that the user has edited. What is more than wiring is
// left to the user; a place that is gone refuses all.
func (p *planner) wire(base, next render.File, disk File, gone string) {
	name, disk, out, left, err := p.carry(base, next, disk)
	noPlace, isNoPlace := errors.AsType[*wire.PlaceError](err)
	switch {
	case isNoPlace:
		p.refuse(Refusal{
			Path: next.Path, Reason: cmp.Or(gone, noPlace.Reason), Lines: placeLines(noPlace),
			Hint: hintOf(noPlace) + ", and run the command again",
		})
		return
	case err != nil:
		p.leave(base, next, disk, "is changed by you: it stays, and these lines are yours to change")
		return
	}
	if !bytes.Equal(out, disk.Content) {
		p.step(Step{Path: name, Kind: Edit, Mode: disk.Mode.Perm(), Content: out})
	}
	if len(left) > 0 {
		byFile := make(map[string][]Line)
		for _, l := range left {
			file := cmp.Or(l.File, name)
			byFile[file] = append(byFile[file], Line{'-', l.Text})
		}
		for _, file := range slices.Sorted(maps.Keys(byFile)) {
			reason := "has lines that you have changed: they stay"
			if file != name {
				reason = "has lines that you have put there: they stay"
			}
			p.step(Step{Path: file, Kind: Keep, Reason: reason, Lines: byFile[file]})
		}
	}
}

const readHint = "check the file and its permissions"

// carry carries the change over to the user's file, or to another one of its
// package that has its function now.
func (p *planner) carry(base, next render.File, disk File) (name string, found File, out []byte, left []wire.Left, err error) {
	others := p.packageOf(next.Path)
	out, left, err = wire.Carry(base.Content, next.Content, disk.Content, others)
	noPlace, isNoPlace := errors.AsType[*wire.PlaceError](err)
	if !isNoPlace {
		return next.Path, disk, out, left, err
	}
	for _, other := range slices.Sorted(maps.Keys(others)) {
		content := others[other]
		if !wire.Has(content, noPlace.Func) {
			continue
		}
		rest := maps.Clone(others)
		delete(rest, other)
		rest[next.Path] = disk.Content
		if out, left, err := wire.Carry(base.Content, next.Content, content, rest); err == nil {
			file, err := p.Disk.File(other)
			return other, file, out, left, err
		}
	}
	return next.Path, disk, nil, nil, err
}

// packageOf are the other Go files of a file's package, without tests, as they are
// on the disk.
func (p *planner) packageOf(name string) map[string][]byte {
	others := make(map[string][]byte)
	for _, other := range p.Disk.GoFiles() {
		if path.Dir(other) != path.Dir(name) || other == name || strings.HasSuffix(other, "_test.go") {
			continue
		}
		if file, err := p.Disk.File(other); err == nil && file.Mode.IsRegular() {
			others[other] = file.Content
		}
	}
	return others
}

// hintOf says what to do by hand about a change that found no place.
func hintOf(noPlace *wire.PlaceError) string {
	switch {
	case len(noPlace.Cut)+len(noPlace.Add) == 0: // it is no Go
		return "correct it"
	case len(noPlace.Cut) == 0:
		return "put these lines where they belong"
	case len(noPlace.Add) == 0:
		return "take these lines out, wherever they are now"
	}
	return "take out the lines with -, wherever they are now, and put those with + where they belong"
}

func placeLines(noPlace *wire.PlaceError) []Line {
	var lines []Line
	for _, i := range noPlace.Imports {
		lines = append(lines, Line{'+', `import "` + i + `"`})
	}
	for _, s := range noPlace.Cut {
		lines = append(lines, Line{'-', s})
	}
	for _, s := range noPlace.Add {
		lines = append(lines, Line{'+', s})
	}
	return lines
}

// newRecord is the record afterwards. What the new answers do not change keeps
// its line, which says what forge wrote there.
func (p *planner) newRecord() project.Project {
	r := p.Record
	r.Files = nil
	for _, f := range p.Record.Files {
		_, was := p.base[f.Path]
		if _, is := p.next[f.Path]; was && !is {
			continue
		}
		r.Files = append(r.Files, f)
	}
	for name, next := range p.next {
		base, was := p.base[name]
		if was && bytes.Equal(base.Content, next.Content) {
			continue
		}
		f := project.NewFile(name, next.Mode, next.Content, next.Owner)
		if i := slices.IndexFunc(r.Files, func(old project.File) bool { return old.Path == name }); i >= 0 {
			r.Files[i] = f
		} else {
			r.Files = append(r.Files, f)
		}
	}
	slices.SortFunc(r.Files, func(a, b project.File) int { return cmp.Compare(a.Path, b.Path) })
	return r
}

func cause(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return err.Error()
}
