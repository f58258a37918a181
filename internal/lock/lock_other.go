//go:build !unix

// Package lock keeps processes out of a directory that another is at work in.
package lock

import (
	"os"
	"time"
)

// Hold takes a directory; here there are no locks to take.
func Hold(*os.File) bool { return true }

// IsLeft reports whether nobody holds a directory. Without locks, age tells:
// nobody writes a project for an hour.
func IsLeft(dir *os.File) bool {
	info, err := dir.Stat()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}
