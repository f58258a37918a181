package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NotFoundError says that a directory is in no project, and where it was looked
// for.
type NotFoundError struct {
	From, To string // the directories that were searched, first and last
}

// Error names the directories.
func (e *NotFoundError) Error() string {
	if e.From == e.To {
		return fmt.Sprintf("%s is in no project of forge's: it has no %s", e.From, Path)
	}
	return fmt.Sprintf("%s is in no project of forge's: neither it nor a directory above it has %s (searched up to %s)", e.From, Path, e.To)
}

// broken is where a change is that was broken off: it may be about to write the
// record.
const broken = ".forge/change"

// Find returns the root of the project that dir is in: the nearest directory
// with a record, dir itself or one above it. A directory with a .git is the last
// that is searched. Its error is a *NotFoundError, or of the file system.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; {
		for _, sign := range []string{Path, broken} {
			if _, err := os.Lstat(filepath.Join(at, filepath.FromSlash(sign))); err == nil {
				return at, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
		_, err := os.Lstat(filepath.Join(at, ".git"))
		up := filepath.Dir(at)
		if err == nil || up == at {
			return "", &NotFoundError{From: dir, To: at}
		}
		at = up
	}
}

// Load reads the record of the project at root.
func Load(root string) (Project, error) {
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(Path)))
	if err != nil {
		return Project{}, err
	}
	return Parse(data)
}
