// Package landing puts a change of many files into a project, whole or not at
// all, and takes the last one back.
//
// What a change needs is first written to .forge/change.tmp: a journal, the files
// as they are and as they will be. One rename, to .forge/change, decides: before
// it nothing has happened, after it the change is carried out, by renames, which need
// no space but for new directories. Whoever finds a .forge/change finishes it, and whoever
// finds a .forge/back, to which it is renamed when a step fails, takes it back.
// When all is done the directory becomes .forge/undo.
//
// That holds for a process that ends at any moment, and for a machine that loses its
// power: what is prepared is on the disk before that rename, the rename before the
// first file is changed, and all changes before what would take them back is gone.
package landing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/ouroboros-forge/forge/internal/lock"
	"github.com/ouroboros-forge/forge/internal/project"
)

// Change is what happens to a project.
type Change struct {
	Title  string // what the user asked for, as in "add handler payments"
	Ops    []Op   // in their order
	IsUndo bool   // whether it takes the last one back; it is not taken back itself

	dirs dirModes // of an undo: the directories as they are to be
}

// Op is what happens to one file. Before is nil if it is not there, After if it
// will not be.
type Op struct {
	Path          string // slash-separated, relative to the project
	Before, After *Blob
	Exact         bool // whether a file that comes gets its mode whatever the umask says
}

// Blob is a file's content.
type Blob struct {
	Content []byte
	Mode    fs.FileMode
}

// ErrBusy says that another forge is at work in the project.
var ErrBusy = errors.New("another forge is changing this project")

// ErrHalfDone says that a change failed, and that taking it back failed, too.
var ErrHalfDone = errors.New("what is half done could not be taken back")

// ChangedError says that a file is not any more as it was when the change was made.
type ChangedError struct{ Path string }

// Error names the file.
func (e *ChangedError) Error() string { return e.Path + " was changed meanwhile" }

// The directories, below the project.
const (
	home    = ".forge"
	staged  = ".forge/change.tmp"
	going   = ".forge/change"
	backing = ".forge/back"
	last    = ".forge/undo"
)

// Land makes the change in the project at root. After an error the project is
// as it was, or the next Recover makes it so. A canceled ctx stops it before the
// first file is changed, with its error. step, if there is one, is called before
// each change of the disk, with the name of what comes next; its error stops all.
func Land(ctx context.Context, root string, c Change, step Step) error {
	return run(root, step, func(l *lander) error { return l.land(ctx, c) })
}

// Step is called before each change of the disk.
type Step func(what string) error

// run opens the project, which nobody else changes meanwhile.
func run(root string, step Step, do func(*lander) error) error {
	if step == nil {
		step = func(string) error { return nil }
	}
	if info, err := os.Lstat(filepath.Join(root, home)); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no directory of the project, but a link or a file: what forge keeps must be in one", home)
	}
	dir, err := os.Open(filepath.Join(root, home))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if !lock.Hold(dir) {
		return ErrBusy
	}
	base, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer func() { _ = base.Close() }()
	return do(&lander{dir: root, root: base, step: step})
}

// lander changes a project.
type lander struct {
	dir  string
	root *os.Root
	step Step

	written []string // files of .forge that are to be on the disk before they count
}

func (l *lander) land(ctx context.Context, c Change) error {
	if _, err := l.recover(); err != nil {
		return err
	}
	j, err := l.stage(c)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = l.rename(staged, going)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(l.abs(staged)))
	}
	if _, err := l.forward(j, true); err != nil {
		return errors.Join(err, l.turnBack(j))
	}
	return nil
}

func (l *lander) abs(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

// rename renames a directory of .forge.
func (l *lander) rename(from, to string) error {
	if err := l.step("rename " + from); err != nil {
		return err
	}
	return os.Rename(l.abs(from), l.abs(to))
}

// stage writes all that the change needs, and checks that the files are what it
// was made for.
func (l *lander) stage(c Change) (journal, error) {
	j := journal{Schema: journalSchema, Title: c.Title, IsUndo: c.IsUndo, Dirs: l.dirsOf(c.Ops), Back: c.dirs}
	if err := l.step("mkdir"); err != nil {
		return j, err
	}
	for _, dir := range []string{staged, staged + "/before", staged + "/after"} {
		if err := os.Mkdir(l.abs(dir), 0o700); err != nil { // an .env may be in it
			return j, err
		}
	}
	for i, op := range c.Ops {
		sum, err := l.sum(op.Path)
		if err != nil {
			return j, err
		}
		o := journalOp{Path: op.Path, Before: stateOf(op.Before), After: stateOf(op.After)}
		if sum != o.Before.SHA256 {
			return j, &ChangedError{op.Path}
		}
		j.Ops = append(j.Ops, o)
		if err := l.put(blobName(staged, "before", i), op.Before, true); err != nil {
			return j, err
		}
		if err := l.put(blobName(staged, "after", i), op.After, op.Before != nil || c.IsUndo || op.Exact); err != nil {
			return j, err
		}
	}
	text, err := j.marshal()
	if err != nil {
		return j, err
	}
	ignore := &Blob{Content: []byte("*\n"), Mode: 0o644} // what is to be undone here is nobody else's
	if err := errors.Join(l.put(staged+"/.gitignore", ignore, false), l.put(staged+"/"+journalName, &Blob{Content: text, Mode: 0o644}, false)); err != nil {
		return j, err
	}
	return j, l.sync(append(l.written, staged, staged+"/before", staged+"/after")...)
}

// put writes a file of .forge. A mode that is not exact gives way to the umask.
func (l *lander) put(name string, b *Blob, exact bool) error {
	if b == nil {
		return nil
	}
	if err := l.step(name); err != nil {
		return err
	}
	file, err := os.OpenFile(l.abs(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, b.Mode.Perm())
	if err != nil {
		return err
	}
	_, err = file.Write(b.Content)
	if exact && err == nil {
		err = file.Chmod(b.Mode.Perm())
	}
	l.written = append(l.written, name)
	return errors.Join(err, file.Close()) // some file systems tell only now that they are full
}

func blobName(dir, side string, i int) string { return path.Join(dir, side, strconv.Itoa(i)) }

// noFile is in the place of a checksum where something else than a file is.
const noFile = "no file"

// sum is the checksum of a file as it is, "" if it is not there, or noFile.
func (l *lander) sum(name string) (string, error) {
	if err := l.checkParents(name); err != nil {
		return "", err
	}
	info, err := l.root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return noFile, nil
	}
	content, err := l.root.ReadFile(filepath.FromSlash(name))
	return project.Sum(content), err
}

// checkParents refuses a file in a directory that is a link: a journal that came
// with somebody's repository could lead anywhere by one, to hooks of git say.
func (l *lander) checkParents(name string) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		info, err := l.root.Lstat(filepath.FromSlash(dir))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link, and %s would be behind it", dir, name)
		}
	}
	return nil
}

// forward carries out a change, also one of which a part is done. Files that
// somebody has changed since are left, and returned; with whole, the first one is
// an error.
func (l *lander) forward(j journal, whole bool) (left []string, err error) {
	if err := l.sync(home); err != nil {
		return nil, err
	}
	for i, op := range j.Ops {
		ok, err := l.move(op.Path, op.Before, op.After, blobName(going, "after", i), j.Back)
		err = unchanged(op.Path, err)
		if err == nil && !ok && whole {
			err = &ChangedError{op.Path}
		}
		if err != nil {
			return left, err
		}
		if !ok {
			left = append(left, op.Path)
		}
	}
	if err := l.syncMoved(j.Ops); err != nil {
		return left, err
	}
	// All is done. If this fails, the next command does it.
	if err := l.discard(last); err != nil {
		return left, nil //nolint:nilerr // as above
	}
	if j.IsUndo {
		_ = l.discard(going)
		return left, nil
	}
	_ = l.rename(going, last)
	return left, nil
}

// turnBack takes back a change that failed.
func (l *lander) turnBack(j journal) error {
	var left []string
	err := l.rename(going, backing)
	if err == nil {
		left, err = l.backward(j)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHalfDone, err)
	}
	var errs []error
	for _, name := range left {
		errs = append(errs, fmt.Errorf("%w, and is left as it is", &ChangedError{name}))
	}
	return errors.Join(errs...)
}

// backward takes back a change, of which any part may be done.
func (l *lander) backward(j journal) (left []string, err error) {
	if err := l.sync(home); err != nil {
		return nil, err
	}
	for i, op := range slices.Backward(j.Ops) {
		ok, err := l.move(op.Path, op.After, op.Before, blobName(backing, "before", i), j.Dirs)
		if err != nil {
			return left, unchanged(op.Path, err)
		}
		if !ok {
			left = append(left, op.Path)
		}
	}
	if err := l.syncMoved(j.Ops); err != nil {
		return left, err
	}
	return left, l.discard(backing)
}

// discard removes a directory of .forge. It is renamed first, so that a crash cannot
// leave it half removed under a name that means something.
func (l *lander) discard(name string) error {
	if _, err := os.Lstat(l.abs(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := l.sweep(); err != nil {
		return err
	}
	if err := l.rename(name, staged); err != nil {
		return err
	}
	return l.sweep()
}

// sweep removes what was staged and never begun.
func (l *lander) sweep() error {
	if _, err := os.Lstat(l.abs(staged)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := l.step("sweep"); err != nil {
		return err
	}
	return os.RemoveAll(l.abs(staged))
}
