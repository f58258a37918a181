//go:build !unix

package render

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// checkWritable reports whether entries can be made in dir; here, writing tells.
func checkWritable(string) error { return nil }

// isMountPoint reports whether a directory is on another device than its parent;
// here, renaming tells.
func isMountPoint(string, fs.FileInfo) bool { return false }

// hold takes a directory; here there are no locks to take.
func hold(*os.File) bool { return true }

// isLeft reports whether nobody holds a directory. Without locks, age tells:
// nobody writes a project for an hour.
func isLeft(dir *os.File) bool {
	info, err := dir.Stat()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}

// replace renames a directory to a name that nobody has, or that an empty
// directory has, which must go first here.
func replace(root *os.Root, from, to string) error {
	if err := root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.Rename(from, to)
}
