package render

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/ouroboros-forge/forge/internal/lock"
)

// Write writes the tree to target, whole or not at all. The files go into a new
// directory beside the target, and one rename puts it in place: whatever ends
// the process or the disk's space before that leaves the old state and at most
// a directory .forge-tmp-…, which the next Write beside it removes.
//
// The target must be as CheckTarget wants it; if it is not, or not any more,
// the error is a *TargetError. A canceled ctx stops the writing with its error.
func Write(ctx context.Context, tree *Tree, target string) error {
	return writer{step: func(string) error { return ctx.Err() }}.write(tree, target)
}

// writer writes trees; step is called before each change of the disk with the
// name of what comes next, and its error stops the writing.
type writer struct {
	step func(what string) error
}

func (w writer) write(tree *Tree, target string) (err error) {
	s, err := place(target)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(s.anchor)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	sweep(root)
	if err := w.step("mkdir"); err != nil {
		return err
	}
	temp, held, err := makeTemp(root)
	if err != nil {
		return fmt.Errorf("%s cannot be made: %s takes no new directory: %s", target, s.anchor, cause(err))
	}
	defer func() { _ = held.Close() }()
	defer func() {
		if err != nil { // after the rename nothing of that name is left
			err = errors.Join(err, root.RemoveAll(temp))
		}
	}()
	if err := w.fill(root, temp, s, tree); err != nil {
		return fmt.Errorf("writing %s: %w", target, err)
	}
	if err := w.step("rename"); err != nil {
		return err
	}
	if err := replace(root, temp, s.first); err != nil {
		return &TargetError{Path: target, Reason: "cannot be put in place: " + linkCause(err), Hint: "see what is there now"}
	}
	return nil
}

// fill writes the tree into the temporary directory, below rest.
func (w writer) fill(root *os.Root, temp string, s spot, tree *Tree) error {
	if s.mode != 0 {
		if err := root.Chmod(temp, s.mode|0o700); err != nil {
			return err
		}
	}
	base, err := root.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer func() { _ = base.Close() }()
	at := folder{base: base}
	defer at.close()
	for _, f := range tree.Files {
		if err := w.step(f.Path); err != nil {
			return err
		}
		if err := at.enter(filepath.Join(s.rest, filepath.Dir(filepath.FromSlash(f.Path)))); err != nil {
			return err
		}
		if err := writeFile(at.dir, path.Base(f.Path), f); err != nil {
			return err
		}
	}
	return nil
}

// folder is the directory below base that is written to. The files of one
// mostly follow each other, and opening it once for them is cheaper.
type folder struct {
	base, dir *os.Root
	name      string
}

// enter changes to a directory, which it makes if need be.
func (f *folder) enter(name string) error {
	if f.dir != nil && f.name == name {
		return nil
	}
	f.close()
	if err := f.base.MkdirAll(name, 0o777); err != nil {
		return err
	}
	dir, err := f.base.OpenRoot(name)
	f.dir, f.name = dir, name
	return err
}

func (f *folder) close() {
	if f.dir != nil {
		_ = f.dir.Close()
	}
}

// writeFile writes one file and closes it: some file systems tell only then
// that they are full.
func writeFile(dir *os.Root, name string, f File) error {
	file, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Content)
	return errors.Join(err, file.Close())
}

// A temporary directory's name.
const tempPrefix = ".forge-tmp-"

var tempName = regexp.MustCompile("^" + regexp.QuoteMeta(tempPrefix) + "[0-9a-f]{16}$")

// makeTemp makes a temporary directory. Nobody sweeps it away while held is open.
func makeTemp(root *os.Root) (name string, held *os.File, err error) {
	for range 10 {
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		name = tempPrefix + hex.EncodeToString(random[:])
		if err := root.Mkdir(name, 0o777); err != nil {
			return "", nil, err
		}
		held, err := root.Open(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // swept away before it was held
			continue
		case err != nil:
			return "", nil, err
		case lock.Hold(held) && isStill(root, name, held):
			return name, held, nil
		}
		_ = held.Close()
	}
	return "", nil, errors.New("somebody keeps removing the temporary directory")
}

// isStill reports whether the directory of that name is the open one.
func isStill(root *os.Root, name string, open *os.File) bool {
	now, err := root.Stat(name)
	if err != nil {
		return false
	}
	then, err := open.Stat()
	return err == nil && os.SameFile(now, then)
}

// sweep removes the temporary directories that no process holds any more. What
// cannot be removed is in nobody's way.
func sweep(root *os.Root) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !tempName.MatchString(e.Name()) {
			continue
		}
		dir, err := root.Open(e.Name())
		if err != nil {
			continue
		}
		if lock.IsLeft(dir) {
			_ = root.RemoveAll(e.Name())
		}
		_ = dir.Close()
	}
}

// linkCause is a rename's error without its names.
func linkCause(err error) string {
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = link.Err
	}
	return err.Error()
}
