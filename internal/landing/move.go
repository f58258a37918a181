package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// move makes a file that is in one state be in another, if it is not yet. It
// reports whether it could: it is neither if somebody has changed it. A file that
// is new takes the place of no other. Of its directories, those in dirs are there
// afterwards, with these modes, and no other without a file.
func (l *lander) move(name string, from, to state, blob string, dirs dirModes) (ok bool, err error) {
	sum, err := l.sum(name)
	if err != nil {
		return false, err
	}
	local := filepath.FromSlash(name)
	switch {
	case sum == to.SHA256 && to.exists():
		return true, nil
	case sum == to.SHA256:
		return true, l.prune(name, dirs)
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
		return true, l.prune(name, dirs)
	}
	if sum, err = l.sum(blob); err != nil || sum != to.SHA256 {
		return false, errors.Join(err, fmt.Errorf("%s is not what the journal says of it", blob))
	}
	if err := l.makeDirs(name, dirs); err != nil {
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

// unchanged is the error of a file that cannot be changed, without the names that forge
// itself has for what is to be there.
func unchanged(name string, err error) error {
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = link.Err
	} else if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if err != nil {
		err = fmt.Errorf("%s cannot be changed: %w", name, err)
	}
	return err
}

// parents are the directories that a file is in, the innermost first.
func parents(name string) (dirs []string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return dirs
}

// dirsOf are the directories of a change's files that are there.
func (l *lander) dirsOf(ops []Op) dirModes {
	dirs := make(dirModes)
	for _, op := range ops {
		for _, dir := range parents(op.Path) {
			if info, err := l.root.Lstat(filepath.FromSlash(dir)); err == nil && info.IsDir() {
				dirs[dir] = uint32(info.Mode().Perm())
			}
		}
	}
	return dirs
}

// makeDirs makes the directories that a file is in.
func (l *lander) makeDirs(name string, dirs dirModes) error {
	for _, dir := range slices.Backward(parents(name)) {
		local := filepath.FromSlash(dir)
		err := l.root.Mkdir(local, 0o777)
		switch mode, isKnown := dirs[dir]; {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return err
		case isKnown:
			if err := l.root.Chmod(local, fs.FileMode(mode).Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

// prune removes the directories that a file was in, if nothing else is.
func (l *lander) prune(name string, dirs dirModes) error {
	for _, dir := range parents(name) {
		entries, err := fs.ReadDir(l.root.FS(), dir)
		_, stays := dirs[dir]
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil || len(entries) > 0 || stays:
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
