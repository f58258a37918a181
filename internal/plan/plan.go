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

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/wire"
)

// Kind is what happens to a file.
type Kind string

// The kinds.
const (
	Write   Kind = "write"   // it was not there
	Replace Kind = "replace" // it was as forge wrote it
	Edit    Kind = "edit"    // the user's edits are kept in it
	Delete  Kind = "delete"  // it was as forge wrote it
	Keep    Kind = "keep"    // it stays as it is, for a reason
)

// Step is what happens to one file.
type Step struct {
	Path    string
	From    string // of Write: the path that the file had, if it has moved
	Kind    Kind
	Mode    fs.FileMode
	Content []byte // after the step
	Reason  string // of Keep: why, to follow the path
	Lines   []Line // of Keep: what is left to the user to do
	Stays   bool   // of Keep: it was to go
}

// Left reports whether a step leaves lines to the user.
func (s Step) Left() bool { return len(s.Lines) > 0 }

// Line is a line to put in (+), to take out (-) or to look at (=).
type Line struct {
	Op   byte
	Text string
}

// Refusal is why nothing at all can be done.
type Refusal struct {
	Path   string
	Reason string // to follow the path
	Hint   string
	Lines  []Line // to put in or take out by hand
}

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
	Sources() []string // the Go files of the module
}

// Input is what a plan is made of.
type Input struct {
	Record     project.Project // with the old answers
	Base, Next *render.Tree    // rendered with the old and the new answers
	Disk       Disk
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
	for _, name := range all {
		p.decide(name)
	}
	clear(p.names) // from here on, files are what their steps make of them
	p.keepUsed()
	p.refuseTwice()
	p.refuseLost()
	return p.done()
}

func newPlanner(in Input) *planner {
	p := &planner{
		Input: in, base: byPath(in.Base), next: byPath(in.Next), record: make(map[string]project.File),
		module: in.Record.Answers.Module, names: make(map[string]wire.Names),
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
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int { return cmp.Compare(a.Path, b.Path) })
	p.plan.Record = p.newRecord()
	return p.plan
}

type planner struct {
	Input

	base, next map[string]render.File
	record     map[string]project.File
	module     string
	names      map[string]wire.Names // of Go files, as they are afterwards
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
		p.refuse(Refusal{Path: name, Reason: "cannot be read: " + cause(err), Hint: "see what is there"})
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
		Path: name, Reason: "was written by another forge (" + p.Record.Forge + "), and this one cannot show what it wrote there",
		Hint: "use the forge that wrote it",
	})
}

func (p *planner) step(s Step)      { p.plan.Steps = append(p.plan.Steps, s) }
func (p *planner) refuse(r Refusal) { p.plan.Refusals = append(p.plan.Refusals, r) }

// proven reports whether base is what forge wrote.
func (p *planner) proven(name string) bool {
	base, ok := p.base[name]
	return ok && project.Sum(base.Content) == p.record[name].SHA256
}

// isPristine reports whether a file is as forge wrote it.
func (p *planner) isPristine(name string, disk File) bool {
	return disk.Mode.IsRegular() && project.Sum(disk.Content) == p.record[name].SHA256
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
		p.leave(base, next, "is no regular file: it stays")
	case p.isPristine(name, disk) && (name != goMod && name != "go.sum" || !p.keepsLibrary()):
		p.step(Step{Path: name, Kind: Replace, Mode: disk.Mode.Perm(), Content: next.Content})
	case bytes.Equal(disk.Content, next.Content): // somebody has done it by hand
	case path.Ext(name) == ".go":
		p.wire(base, next, disk, "")
	default:
		merged, ok := p.merge(name, base.Content, disk.Content, next.Content)
		if !ok {
			p.leave(base, next, "is changed by you at the same lines: it stays, and these are yours to change")
		} else if !bytes.Equal(merged, disk.Content) {
			p.step(Step{Path: name, Kind: Edit, Mode: disk.Mode.Perm(), Content: merged})
		}
	}
}

// wire changes a Go file that the user has edited. What is more than wiring is
// left to the user; a place that is gone refuses all.
func (p *planner) wire(base, next render.File, disk File, gone string) {
	name, disk, out, left, err := p.carry(base, next, disk)
	lost, isLost := errors.AsType[*wire.LostError](err)
	switch {
	case isLost:
		p.refuse(Refusal{
			Path: next.Path, Reason: cmp.Or(gone, lost.Reason), Lines: lostLines(lost),
			Hint: "put these lines where they belong, and run the command again",
		})
		return
	case err != nil:
		p.leave(base, next, "is changed by you: it stays, and these lines are yours to change")
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

// carry carries the change over to the user's file, or to another one of its
// package that has its function now.
func (p *planner) carry(base, next render.File, disk File) (name string, found File, out []byte, left []wire.Left, err error) {
	others := p.packageOf(next.Path)
	out, left, err = wire.Carry(base.Content, next.Content, disk.Content, others)
	lost, isLost := errors.AsType[*wire.LostError](err)
	if !isLost {
		return next.Path, disk, out, left, err
	}
	for other, content := range others {
		if !wire.Has(content, lost.Func) {
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
// on disk.
func (p *planner) packageOf(name string) map[string][]byte {
	others := make(map[string][]byte)
	for _, other := range p.Disk.Sources() {
		if path.Dir(other) != path.Dir(name) || other == name || strings.HasSuffix(other, "_test.go") {
			continue
		}
		if file, err := p.Disk.File(other); err == nil && file.Mode.IsRegular() {
			others[other] = file.Content
		}
	}
	return others
}

func lostLines(lost *wire.LostError) []Line {
	var lines []Line
	for _, i := range lost.Imports {
		lines = append(lines, Line{'+', `import "` + i + `"`})
	}
	for _, s := range lost.Cut {
		lines = append(lines, Line{'-', s})
	}
	for _, s := range lost.Add {
		lines = append(lines, Line{'+', s})
	}
	return lines
}

// leave leaves a file to the user, with the lines that are different.
func (p *planner) leave(base, next render.File, reason string) {
	s := Step{Path: next.Path, Kind: Keep, Reason: reason, Lines: changedLines(string(base.Content), string(next.Content))}
	if path.Ext(next.Path) == ".md" { // what the user tells in other words needs no line of forge's
		s.Reason, s.Lines = "is changed by you at the same lines: it stays", nil
	}
	if next.Path == "go.mod" { // it is no go.mod any more, or no regular file
		s.Lines = append(s.Lines, Line{'=', "go mod tidy"})
	}
	p.step(s)
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
