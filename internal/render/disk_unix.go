//go:build unix

package render

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkWritable reports whether entries can be made in dir.
func checkWritable(dir string) error { return unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK) }

// isMountPoint reports whether a directory is on another device than its parent.
func isMountPoint(path string, info fs.FileInfo) bool {
	parent, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return false
	}
	a, ok := info.Sys().(*syscall.Stat_t)
	b, ok2 := parent.Sys().(*syscall.Stat_t)
	return ok && ok2 && a.Dev != b.Dev
}

// replace renames a directory to a name that nobody has, or that an empty
// directory has. (os.Root.Rename refuses every directory.)
func replace(root *os.Root, from, to string) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return unix.Renameat(int(dir.Fd()), from, int(dir.Fd()), to)
}
