package landing

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many files wait for the disk together: a file system writes them in
// one go, which takes hardly longer than for one.
const atOnce = 32

// sync waits until files and directories are on the disk, where a machine that loses
// its power finds them. Of a directory that means which files are in it.
func (l *lander) sync(names ...string) error {
	if err := l.step("sync"); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, name := range names {
		group.Go(func() error { return syncOne(l.abs(name)) })
	}
	return group.Wait()
}

func syncOne(name string) error {
	file, err := os.Open(name)
	// A directory may have gone with its last file, and the one above is waited for; a
	// file may be one that its user must not read.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	err = file.Sync()
	if info, statErr := file.Stat(); err != nil && statErr == nil && info.IsDir() && runtime.GOOS == "windows" { // which has no such thing
		err = nil
	}
	return errors.Join(err, file.Close())
}

// syncMoved waits for the directories of files that were moved, and those above:
// they may be new, or gone.
func (l *lander) syncMoved(ops []journalOp) error {
	dirs := make(map[string]bool)
	for _, op := range ops {
		for dir := path.Dir(filepath.ToSlash(op.Path)); !dirs[dir]; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	var names []string
	for dir := range dirs {
		names = append(names, dir)
	}
	return l.sync(names...)
}
