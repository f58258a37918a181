//go:build unix

// Package lock keeps processes out of a directory that another is at work in.
package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Hold takes a directory until it is closed or the process ends, and reports
// whether it could. Where a file system knows no locks, nobody is kept away.
func Hold(dir *os.File) bool {
	return !errors.Is(flock(dir), unix.EWOULDBLOCK)
}

// IsLeft reports whether nobody holds a directory, and holds it.
func IsLeft(dir *os.File) bool { return flock(dir) == nil }

func flock(dir *os.File) error {
	return unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}
