package main

import (
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// foreignWorkspace returns the go.work that the go command would find from dir,
// if the module in dir is not in it: then it builds nothing there. Else "". The
// path is relative to dir if it can be.
func foreignWorkspace(dir string) string {
	file := os.Getenv("GOWORK")
	switch file {
	case "off":
		return ""
	case "":
		above := findAbove(dir, "go.work")
		if above == "" {
			return ""
		}
		file = filepath.Join(above, "go.work")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	work, err := modfile.ParseWork(file, text, nil)
	if err != nil { // go says so itself
		return ""
	}
	for _, use := range work.Use {
		used := filepath.FromSlash(use.Path)
		if !filepath.IsAbs(used) {
			used = filepath.Join(filepath.Dir(file), used)
		}
		if isSameDir(used, dir) {
			return ""
		}
	}
	if rel, err := filepath.Rel(dir, file); err == nil {
		return rel
	}
	return file
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
