package render

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// TargetError says why a project cannot be written where it was asked for.
type TargetError struct {
	Path   string // as it was asked for
	Reason string // to follow the path
	Hint   string // what to try
}

// Error tells where and why, in one line.
func (e *TargetError) Error() string { return e.Path + " " + e.Reason }

// CheckTarget reports, as a *TargetError, whether a project can be written to
// target: a directory that does not exist, with or without its parents, or an
// empty one. It changes nothing.
func CheckTarget(target string) error {
	_, err := place(target)
	return err
}

// spot is where a project goes: anchor is the deepest directory that exists
// above it, first the entry of anchor that one rename puts there, and rest the
// path from first to the project. mode is that of the empty directory that it
// replaces, or 0.
type spot struct {
	anchor, first, rest string
	mode                fs.FileMode
}

func place(target string) (spot, error) {
	refuse := func(reason, hint string) (spot, error) {
		return spot{}, &TargetError{Path: target, Reason: reason, Hint: hint}
	}
	path, err := filepath.Abs(target)
	if err != nil {
		return refuse(fmt.Sprintf("cannot be found: %v", err), "change to a directory that exists")
	}
	var s spot
	switch _, err := os.Lstat(path); {
	case err == nil:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return refuse("is a symbolic link to nowhere", "choose another name, or remove the link")
		}
		info, err := os.Stat(path)
		if err != nil {
			return refuse("cannot be read: "+cause(err), "choose another place")
		}
		if t := checkExisting(path, info); t != nil {
			return refuse(t.Reason, t.Hint)
		}
		s = spot{anchor: filepath.Dir(path), first: filepath.Base(path), mode: info.Mode().Perm()}
	case isMissing(err):
		var t *TargetError
		if s, t = belowExisting(path); t != nil {
			return refuse(t.Reason, t.Hint)
		}
	default:
		return refuse("cannot be used: "+cause(err), "choose another place")
	}
	if err := checkWritable(s.anchor); err != nil {
		return refuse(fmt.Sprintf("cannot be made: %s: %s", s.anchor, cause(err)), "choose another place, or get permission to write there")
	}
	return s, nil
}

// checkExisting tells why a project cannot replace what is at path, or nil.
func checkExisting(path string, info fs.FileInfo) *TargetError {
	if !info.IsDir() {
		return &TargetError{Reason: "is in the way: it is not a directory", Hint: "choose another name"}
	}
	dir, err := os.Open(path)
	if err == nil {
		_, err = dir.Readdirnames(1)
		err = errors.Join(dir.Close(), err)
	}
	switch {
	case err == nil:
		return &TargetError{Reason: "exists and is not empty", Hint: "choose another name, or an empty directory"}
	case !errors.Is(err, io.EOF):
		return &TargetError{Reason: "cannot be read: " + cause(err), Hint: "choose another name"}
	}
	// The rename that makes writing all or nothing puts a new directory in the
	// place of the old one. Whoever is in the old one would not see it.
	if here, err := os.Stat("."); err == nil && os.SameFile(here, info) {
		return &TargetError{Reason: "is the directory that you are in", Hint: "cd .. && forge new " + filepath.Base(path)}
	}
	if isMountPoint(path, info) {
		return &TargetError{Reason: "is a mount point, which cannot be replaced at once", Hint: "choose a directory inside it"}
	}
	return nil
}

// belowExisting finds the place of a path that does not exist.
func belowExisting(path string) (spot, *TargetError) {
	anchor := filepath.Dir(path)
	for {
		info, err := os.Stat(anchor)
		if err == nil && !info.IsDir() {
			return spot{}, &TargetError{Reason: "cannot be made: " + anchor + " is not a directory", Hint: "choose another place"}
		}
		if err == nil {
			break
		}
		if _, err := os.Lstat(anchor); err == nil {
			return spot{}, &TargetError{Reason: "cannot be made: " + anchor + " is a symbolic link to nowhere", Hint: "choose another place"}
		}
		if up := filepath.Dir(anchor); isMissing(err) && up != anchor {
			anchor = up
			continue
		}
		return spot{}, &TargetError{Reason: "cannot be made: " + cause(err), Hint: "choose another place"}
	}
	rel, err := filepath.Rel(anchor, path)
	if err != nil {
		return spot{}, &TargetError{Reason: "cannot be made: " + err.Error(), Hint: "choose another place"}
	}
	first, rest, _ := strings.Cut(rel, string(filepath.Separator))
	return spot{anchor: anchor, first: first, rest: rest}, nil
}

// isMissing reports whether a path is not there; where a file is in the place
// of one of its directories, systems say something of their own.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// cause is an error of the file system without the operation and the path.
func cause(err error) string {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return err.Error()
}
