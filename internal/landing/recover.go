package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Recovered is what became of a change that was broken off.
type Recovered struct {
	Title    string
	Finished bool     // or taken back
	Left     []string // files that somebody has changed since, and that are as they were left
}

// Recover finishes a change that was broken off, or takes it back. It returns nil
// if there is none.
func Recover(root string, step Step) (*Recovered, error) {
	if !isBroken(root) {
		return nil, nil
	}
	var r *Recovered
	err := run(root, step, func(l *lander) (err error) {
		r, err = l.recover()
		return err
	})
	return r, err
}

// isBroken reports whether there is something to recover, or to clear away.
func isBroken(root string) bool {
	for _, dir := range []string{staged, going, backing} {
		if _, err := os.Lstat(filepath.Join(root, filepath.FromSlash(dir))); err == nil {
			return true
		}
	}
	return false
}

func (l *lander) recover() (*Recovered, error) {
	if err := l.sweep(); err != nil {
		return nil, err
	}
	j, err := l.read(backing)
	switch {
	case err == nil:
		left, err := l.backward(j)
		return &Recovered{Title: j.Title, Left: left}, err
	case !errors.Is(err, errNoJournal):
		return nil, err
	}
	if err := l.discard(backing); err != nil {
		return nil, err
	}
	j, err = l.read(going)
	switch {
	case errors.Is(err, errNoJournal):
		return nil, l.discard(going)
	case err != nil:
		return nil, err
	}
	left, err := l.forward(j, false)
	if err != nil {
		if err := l.turnBack(j); err != nil {
			return nil, err
		}
		return &Recovered{Title: j.Title}, nil
	}
	return &Recovered{Title: j.Title, Finished: true, Left: left}, nil
}

// ErrNothing says that there is nothing to undo.
var ErrNothing = errors.New("nothing to undo")

// Last returns the change that takes back the last one, and the files that are
// not as that one left them. Without a last one its error is ErrNothing.
func Last(root string) (undo Change, changed []string, err error) {
	err = run(root, nil, func(l *lander) error {
		undo, changed, err = l.last()
		return err
	})
	return undo, changed, err
}

// kept is the content of a file in .forge, which is what a journal says of it.
func (l *lander) kept(blob string, s state) ([]byte, error) {
	if sum, err := l.sum(blob); err != nil || sum != s.SHA256 {
		return nil, errors.Join(err, &JournalError{last, fmt.Errorf("%s is not what it says of it", blob)})
	}
	return l.root.ReadFile(filepath.FromSlash(blob))
}

func (l *lander) last() (Change, []string, error) {
	j, err := l.read(last)
	if errors.Is(err, errNoJournal) {
		return Change{}, nil, ErrNothing
	}
	if err != nil {
		return Change{}, nil, err
	}
	undo := Change{Title: j.Title, IsUndo: true, dirs: j.Dirs}
	var changed []string
	for i, op := range j.Ops {
		sum, err := l.sum(op.Path)
		if err != nil {
			return undo, nil, err
		}
		o := Op{Path: op.Path}
		if op.Before.exists() {
			content, err := l.kept(blobName(last, "before", i), op.Before)
			if err != nil {
				return undo, nil, err
			}
			o.After = &Blob{Content: content, Mode: fs.FileMode(op.Before.Mode)}
		}
		if sum != op.After.SHA256 {
			changed = append(changed, op.Path)
			continue
		}
		if op.After.exists() {
			content, err := l.root.ReadFile(filepath.FromSlash(op.Path))
			if err != nil {
				return undo, nil, err
			}
			o.Before = &Blob{Content: content, Mode: fs.FileMode(op.After.Mode)}
			info, err := l.root.Stat(filepath.FromSlash(op.Path))
			if err != nil {
				return undo, nil, err
			}
			if mode := info.Mode().Perm(); o.After != nil && mode != fs.FileMode(op.After.Mode).Perm() { // the user's, since
				o.After.Mode = mode
			}
		}
		undo.Ops = append(undo.Ops, o)
	}
	return undo, changed, nil
}
