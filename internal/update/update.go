// Package update decides what happens to each file of a project when the template
// that it was made from becomes a newer one. Like package plan, whose steps it
// makes, it is a function of what forge wrote, what it would write now, and what
// is there; it changes nothing.
//
// A merge needs the file as forge wrote it. That is never guessed: only what has
// the recorded checksum counts, rendered from a release, or found by git. Without
// it the new file is put beside the user's.
//
// What is left to the user can be seen in the project: markers in a file,
// FILE.forge-new beside it, or FILE.forge-deleted. While one of these is there,
// the record keeps the old version, and nothing more is updated.
package update

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
)

// What is written beside a file that cannot be merged.
const (
	NewSuffix     = ".forge-new"     // the new version
	DeletedSuffix = ".forge-deleted" // says that there is none any more
)

// Input is what an update is made of.
type Input struct {
	Record  project.Project
	Version string       // that the project gets
	Target  fs.FS        // its template
	Next    *render.Tree // what is rendered of that; nil if nothing is yet
	History *release.Archive
	Disk    plan.Disk
	Beside  []string // the files of the project that end in NewSuffix or DeletedSuffix

	// Find returns content of which only the checksum is known, for files that no
	// release gives; nil where nothing can.
	Find func(path, sum string) (content []byte, ok bool)
}

// Update is what an update does.
type Update struct {
	plan.Plan

	From, To  string
	Conflicts []Conflict // what this update leaves to the user
	Pending   []Conflict // what the last change has left, which is to be done first
	Notes     []Note     // what the user has to change
}

// Conflict is what is left to the user of one file.
type Conflict struct {
	Path   string
	Line   int // of the first marker, 0 if the file has none
	End    int // of the last marker
	Reason string
}

// String is the conflict in one line, as compilers tell a place.
func (c Conflict) String() string {
	if c.Line == 0 {
		return c.Path + ": " + c.Reason
	}
	return fmt.Sprintf("%s:%d: %s", c.Path, c.Line, c.Reason)
}

// Note is a place in a user's file that the change of an interface, or the end of a
// setting, concerns.
type Note struct {
	Path   string
	Line   int
	Symbol string
	Change string
}

// String is the note in one line.
func (n Note) String() string {
	return fmt.Sprintf("%s:%d: %s changed: %s", n.Path, n.Line, n.Symbol, n.Change)
}

// IsNothing reports whether the project is what it should be.
func (u Update) IsNothing() bool {
	return len(u.Steps) == 0 && len(u.Conflicts) == 0 && len(u.Pending) == 0 && u.From == u.To
}

// Make makes the update. Its error is that of rendering.
func Make(in Input) (Update, error) {
	next, err := in.Next, error(nil)
	if next == nil {
		next, err = render.Render(in.Target, in.Record.Answers, in.Version)
	}
	if err != nil {
		return Update{}, err
	}
	changes := in.History.Between(in.Record.Forge, in.Version)
	p := planner{
		Input: in, bases: newBases(in), renames: renamesOf(changes.Renames), next: make(map[string]render.File), taken: make(map[string]bool),
		labels: merge.Labels{Ours: "yours", Base: "forge " + in.Record.Forge, Theirs: "forge " + in.Version},
	}
	p.update.From, p.update.To = in.Record.Forge, in.Version
	p.update.Record = in.Record
	if p.update.Pending, err = in.Left(); err != nil || len(p.update.Pending) > 0 {
		return p.update, err
	}
	for _, f := range next.Files {
		if f.Path != project.Path {
			p.next[f.Path] = f
		}
	}
	p.update.Record.Files = nil
	for _, f := range librariesLast(in.Record.Files) {
		if err := p.known(f); err != nil {
			return Update{}, err
		}
	}
	for _, f := range next.Files {
		if f.Path != project.Path && !p.taken[f.Path] {
			if err := p.fresh(f); err != nil {
				return Update{}, err
			}
		}
	}
	if len(p.update.Steps) > 0 {
		p.update.Notes = append(p.settings(), p.notes(changes.Interfaces)...)
	}
	if len(p.update.Conflicts) == 0 {
		p.update.Record.Forge = in.Version
	}
	slices.SortStableFunc(p.update.Steps, func(a, b plan.Step) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortStableFunc(p.update.Conflicts, func(a, b Conflict) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(p.update.Record.Files, func(a, b project.File) int { return cmp.Compare(a.Path, b.Path) })
	return p.update, nil
}

// librariesLast puts go.mod and go.sum, in this order, behind all files that may need
// what they name.
func librariesLast(files []project.File) []project.File {
	place := map[string]int{"go.mod": 1, "go.sum": 2}
	return slices.SortedStableFunc(slices.Values(files), func(a, b project.File) int { return cmp.Compare(place[a.Path], place[b.Path]) })
}

type planner struct {
	Input

	bases   *bases
	labels  merge.Labels
	renames map[string]string
	next    map[string]render.File
	taken   map[string]bool // files of next that are dealt with
	update  Update
}

func (p *planner) step(s plan.Step)         { p.update.Steps = append(p.update.Steps, s) }
func (p *planner) record(f project.File)    { p.update.Record.Files = append(p.update.Record.Files, f) }
func (p *planner) conflict(all ...Conflict) { p.update.Conflicts = append(p.update.Conflicts, all...) }

// written records that a file is, or is merged with, what the new version has.
func (p *planner) written(f render.File, owner project.Owner) {
	p.record(project.NewFile(f.Path, f.Mode, f.Content, owner))
}

// renamesOf makes of renames, in order, where each file has gone in the end.
func renamesOf(renames []release.Rename) map[string]string {
	to := make(map[string]string)
	for _, r := range renames {
		for from, at := range to {
			if at == r.From {
				to[from] = r.To
			}
		}
		if _, ok := to[r.From]; !ok {
			to[r.From] = r.To
		}
	}
	return to
}

// Left finds what the last update, or the move to another source, has left to the user.
func (in Input) Left() ([]Conflict, error) {
	var left []Conflict
	for _, f := range in.Record.Files {
		disk, exists, err := in.file(f.Path)
		if err != nil {
			return nil, err
		}
		if !exists || f.Is(disk.Content) {
			continue
		}
		for _, c := range merge.Markers(disk.Content) {
			left = append(left, Conflict{Path: f.Path, Line: c.Start, End: c.End, Reason: "a conflict is left"})
		}
	}
	for _, name := range in.Beside {
		reason := "take over what you want of it, and delete it"
		if kept, ok := strings.CutSuffix(name, DeletedSuffix); ok {
			reason = "keep " + kept + " or delete it, and delete this note"
		}
		left = append(left, Conflict{Path: name, Reason: reason})
	}
	return left, nil
}
