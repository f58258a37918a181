//go:build !unix

package render

import (
	"errors"
	"io/fs"
	"os"
)

// checkWritable reports whether entries can be made in dir; here, writing tells.
func checkWritable(string) error { return nil }

// isMountPoint reports whether a directory is on another device than its parent;
// here, renaming tells.
func isMountPoint(string, fs.FileInfo) bool { return false }

// replace renames a directory to a name that nobody has, or that an empty
// directory has, which must go first here.
func replace(root *os.Root, from, to string) error {
	if err := root.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.Rename(from, to)
}
