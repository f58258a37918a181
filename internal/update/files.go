package update

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/ouroboros-forge/forge/internal/merge"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// file reads a file of the project.
func (in Input) file(name string) (f plan.File, exists bool, err error) {
	f, err = in.Disk.File(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f, false, nil
	}
	return f, err == nil, err
}

// known deals with a file that the record has.
func (p *planner) known(f project.File) error {
	to := p.nameOf(f.Path)
	next, is := p.next[to]
	if is {
		p.taken[to] = true
	}
	disk, exists, err := p.file(f.Path)
	switch {
	case err != nil:
		return err
	case f.Owner == project.User && is && to != f.Path:
		p.written(next, f.Owner) // that it has another name for others is nothing to the user, whose file is not written a second time
	case f.Owner == project.User:
		p.users(f, next, is, disk, exists)
	case exists && !disk.Mode.IsRegular():
		p.lacking(f, next, is, "it is no regular file any more")
	case !exists:
		p.lacking(f, next, is, "you deleted it, and the new version changed it")
	case !is:
		p.dropped(f, disk)
	case f.Is(disk.Content):
		return p.pristine(f, next, disk)
	default:
		return p.edited(f, next, disk)
	}
	return nil
}

// nameOf is what a file of the record is called in the new version.
func (p *planner) nameOf(name string) string {
	to, renamed := p.renames[name]
	_, stays := p.next[name]
	if !renamed || stays || p.taken[to] || p.recorded(to).Path != "" { // it is another one that had the name
		return name
	}
	return to
}

// lacking deals with what is no file of the project any more: it stays away, and what
// the new version changed lies beside it.
func (p *planner) lacking(f project.File, next render.File, is bool, why string) {
	if !is {
		return
	}
	p.written(next, next.Owner)
	if project.Sum(next.Content) != f.SHA256 {
		p.beside(next, why)
	}
}

// users deals with a file of the user's: it stays as it is, but for the settings
// that .env.example lists.
func (p *planner) users(f project.File, next render.File, is bool, disk plan.File, exists bool) {
	if f.Path != ".env.example" || !is || !exists || !disk.Mode.IsRegular() || project.Sum(next.Content) == f.SHA256 {
		p.record(f)
		return
	}
	base, ok := p.bases.find(f)
	p.written(next, f.Owner)
	if !ok {
		p.step(plan.Step{Path: f.Path, Kind: plan.Keep, Reason: "stays: forge does not have it as it was written"})
		return
	}
	p.become(f.Path, f.Path, disk, merge.Lines(base, disk.Content, next.Content, merge.EnvKey), next)
}

// dropped deals with a file that the new version has not any more.
func (p *planner) dropped(f project.File, disk plan.File) {
	if f.Is(disk.Content) {
		p.step(plan.Step{Path: f.Path, Kind: plan.Delete})
		return
	}
	note := fmt.Sprintf("%s has no %s any more, which you have changed. Delete it, or keep it as yours; then delete this note.\n", p.labels.Theirs, f.Path)
	p.put(f.Path+DeletedSuffix, []byte(note))
	p.conflict(Conflict{Path: f.Path, Reason: "you changed it, and the new version deleted it; it is kept, see " + f.Path + DeletedSuffix})
}

// pristine deals with a file that is as forge wrote it.
func (p *planner) pristine(f project.File, next render.File, disk plan.File) error {
	content := next.Content
	if next.Path == goMod {
		merged, err := merge.GoMod(disk.Content, disk.Content, next.Content, p.uses())
		if err != nil {
			return fmt.Errorf("go.mod: %w", err)
		}
		content = merged
	}
	if next.Path == goSum && p.keepsModules() {
		p.written(next, next.Owner)
		p.sums(disk.Content, next, disk)
		return nil
	}
	if p.occupied(f, next) {
		return nil
	}
	p.written(next, next.Owner)
	p.become(f.Path, next.Path, disk, merge.LikeLines(disk.Content, content), next)
	return nil
}

// edited deals with a file that the user has changed.
func (p *planner) edited(f project.File, next render.File, disk plan.File) error {
	if p.occupied(f, next) {
		return nil
	}
	p.written(next, next.Owner)
	if project.Sum(next.Content) == f.SHA256 || bytes.Equal(disk.Content, next.Content) {
		p.become(f.Path, next.Path, disk, disk.Content, next)
		return nil
	}
	base, proven := p.bases.find(f) // nil if not
	switch {
	case next.Path == goSum:
		p.sums(base, next, disk)
	case !proven:
		p.become(f.Path, next.Path, disk, disk.Content, next)
		p.beside(next, "you changed it, and forge does not have it as it was written")
	case path.Base(next.Path) == ".gitignore":
		p.become(f.Path, next.Path, disk, merge.Lines(base, disk.Content, next.Content, merge.IgnoreKey), next)
	case next.Path == goMod:
		merged, err := merge.GoMod(base, disk.Content, next.Content, p.uses())
		if err != nil {
			p.beside(next, "go.mod cannot be read: "+err.Error())
			return nil //nolint:nilerr // it is told as a conflict
		}
		p.become(f.Path, next.Path, disk, merged, next)
	default:
		p.merge(f, next, disk, base)
	}
	return nil
}

const (
	goMod = "go.mod"
	goSum = "go.sum"
)

// sums makes go.sum have all lines of both, and says so if these may be too many.
func (p *planner) sums(base []byte, next render.File, disk plan.File) {
	merged := merge.GoSum(nil, disk.Content, next.Content)
	p.become(goSum, goSum, disk, merged, next)
	var required []byte // by go.mod, which comes before
	if f, exists, err := p.file(goMod); err == nil && exists {
		required = f.Content
	}
	at := func(name string) int {
		return slices.IndexFunc(p.update.Steps, func(s plan.Step) bool { return s.Path == name && s.Content != nil })
	}
	if i := at(goMod); i >= 0 {
		required = p.update.Steps[i].Content
	}
	if !merge.HasTooMuch(base, next.Content, merged, required) {
		return
	}
	told := plan.TooMuch()
	if i := at(goSum); i >= 0 {
		p.update.Steps[i].Reason, p.update.Steps[i].Lines = told.Reason, told.Lines
		return
	}
	p.step(told)
}

// merge merges a text line by line.
func (p *planner) merge(f project.File, next render.File, disk plan.File, base []byte) {
	merged, conflicts := merge.Three(base, disk.Content, next.Content, p.labels)
	p.become(f.Path, next.Path, disk, merged, next)
	for _, c := range conflicts {
		if c.Start == 0 {
			p.beside(next, "you changed it, and so did the new version, and it is no text")
			continue
		}
		p.conflict(Conflict{Path: next.Path, Line: c.Start, End: c.End, Reason: "you changed these lines, and so did the new version"})
	}
}

// become makes a file, which may get another name, have the content.
func (p *planner) become(from, to string, disk plan.File, content []byte, next render.File) {
	kind, mode := plan.Edit, disk.Mode.Perm()
	if next.Mode&0o100 != 0 { // whoever may read a script may run it
		mode |= mode >> 2 & 0o111
	}
	if bytes.Equal(content, merge.LikeLines(disk.Content, next.Content)) {
		kind = plan.Replace
	}
	switch {
	case from != to:
		p.step(plan.Step{Path: from, Kind: plan.Delete, Reason: "is " + to + " now"})
		p.step(plan.Step{Path: to, Kind: plan.Write, Mode: mode, Content: content, Reason: "was " + from})
	case !bytes.Equal(content, disk.Content):
		p.step(plan.Step{Path: to, Kind: kind, Mode: mode, Content: content})
	}
}

// occupied reports whether a file cannot get its new name, since something of the
// user's has it. It stays where it is then, and the new version is put beside.
func (p *planner) occupied(f project.File, next render.File) bool {
	if f.Path == next.Path {
		return false
	}
	if _, exists, err := p.file(next.Path); err == nil && !exists {
		return false
	}
	p.written(next, next.Owner)
	p.beside(next, fmt.Sprintf("it is the new name of %s, but a file of yours has that name; %s stays as it is", f.Path, f.Path))
	return true
}

// fresh deals with a file that the record has not.
func (p *planner) fresh(next render.File) error {
	disk, exists, err := p.file(next.Path)
	switch {
	case err != nil:
		return err
	case !exists:
		p.step(plan.Step{Path: next.Path, Kind: plan.Write, Mode: next.Mode, Content: next.Content})
	case next.Owner == project.User, bytes.Equal(disk.Content, next.Content): // it is the user's, or there already
	default:
		p.beside(next, "it is new, but a file of yours has that name")
	}
	p.written(next, next.Owner)
	return nil
}

// beside puts the new version of a file beside it, which is a conflict.
func (p *planner) beside(next render.File, reason string) {
	p.put(next.Path+NewSuffix, next.Content)
	p.conflict(Conflict{Path: next.Path, Reason: reason + "; the new version is " + next.Path + NewSuffix})
}

func (p *planner) put(name string, content []byte) {
	p.step(plan.Step{Path: name, Kind: plan.Write, Mode: 0o644, Content: content})
}
