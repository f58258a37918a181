package main

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
)

// workspace is a go.work that the go command finds.
type workspace struct {
	file string
	work *modfile.WorkFile
}

// findWorkspace returns the go.work that is for a directory, in it or above, or nil. The go
// command itself tells of one that cannot be read.
func findWorkspace(dir string) *workspace {
	file := os.Getenv("GOWORK")
	switch file {
	case "off":
		return nil
	case "":
		at := dir
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err != nil {
			at = findAbove(dir, "go.work")
		}
		if at == "" {
			return nil
		}
		file = filepath.Join(at, "go.work")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	work, err := modfile.ParseWork(file, text, nil)
	if err != nil {
		return nil
	}
	return &workspace{file: file, work: work}
}

// dirs are the directories of the modules in it.
func (w *workspace) dirs() []string {
	var dirs []string
	for _, use := range w.work.Use {
		dir := filepath.FromSlash(use.Path)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(w.file), dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// foreignWorkspace returns the go.work that the go command would find from dir,
// if the module in dir is not in it: then it builds nothing there. Else "". The
// path is relative to dir if it can be.
func foreignWorkspace(dir string) string {
	w := findWorkspace(dir)
	if w == nil || slices.ContainsFunc(w.dirs(), func(used string) bool { return isSameDir(used, dir) }) {
		return ""
	}
	if rel, err := filepath.Rel(dir, w.file); err == nil {
		return rel
	}
	return w.file
}

// isSameDir reports whether two paths lead to the same directory, by links too.
func isSameDir(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
