package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
)

// move makes a file that is in one state be in another, if it is not yet. It
// reports whether it could: it is neither if somebody has changed it. A file that
// is new takes the place of no other.
func (l *lander) move(name string, from, to state, blob string) (ok bool, err error) {
	sum, err := l.sum(name)
	if err != nil {
		return false, err
	}
	local := filepath.FromSlash(name)
	switch {
	case sum == to.SHA256 && to.exists():
		return true, nil
	case sum == to.SHA256:
		return true, l.prune(name)
	case sum != from.SHA256:
		return false, nil
	}
	if err := l.step(name); err != nil {
		return false, err
	}
	if sum, err = l.sum(name); err != nil || sum != from.SHA256 { // an editor may have saved it just now
		return false, err
	}
	if !to.exists() {
		if err := l.root.Remove(local); err != nil {
			return false, err
		}
		return true, l.prune(name)
	}
	if sum, err = l.sum(blob); err != nil || sum != to.SHA256 {
		return false, errors.Join(err, fmt.Errorf("%s is not what the journal says of it", blob))
	}
	if err := l.root.MkdirAll(filepath.Dir(local), 0o777); err != nil {
		return false, err
	}
	if !from.exists() {
		switch err := l.root.Link(filepath.FromSlash(blob), local); {
		case err == nil:
			return true, l.root.Remove(filepath.FromSlash(blob))
		case errors.Is(err, fs.ErrExist):
			return false, nil
		} // a file system without links
	}
	return true, l.root.Rename(filepath.FromSlash(blob), local)
}

// prune removes the directories that a file was in, if nothing else is.
func (l *lander) prune(name string) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		entries, err := fs.ReadDir(l.root.FS(), dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil || len(entries) > 0:
			return err
		}
		if err := l.step("rmdir " + dir); err != nil {
			return err
		}
		if err := l.root.Remove(filepath.FromSlash(dir)); err != nil {
			return err
		}
	}
	return nil
}
