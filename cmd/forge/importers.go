package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/plan"
)

// importers says which modules around a project name it, in what they require or
// replace: those of the go.work that it is in, and those in directories above, up to
// the repository's. Of what is in the project the plan says so itself.
func importers(root, from, to string) []plan.Step {
	var left []plan.Step
	note := func(file string, lines []int) {
		if rel, err := filepath.Rel(root, file); err == nil {
			file = filepath.ToSlash(rel)
		}
		s := plan.Step{Path: file, Kind: plan.Keep, Reason: "still uses the old name"}
		for _, line := range lines {
			s.Lines = append(s.Lines, plan.Line{Op: '=', Text: fmt.Sprintf("line %d: names %s; write %s there, and in what imports it", line, from, to)})
		}
		if s.Left() {
			left = append(left, s)
		}
	}
	dirs := above(root)
	if w := findWorkspace(root); w != nil {
		note(w.file, naming(from, nil, w.work.Replace))
		for _, dir := range w.dirs() {
			if rel, err := filepath.Rel(root, dir); (err != nil || strings.HasPrefix(rel, "..")) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, "go.mod")
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if mod, err := modfile.Parse(file, text, nil); err == nil { // else go says so itself
			note(file, naming(from, mod.Require, mod.Replace))
		}
	}
	return left
}

// naming are the lines that require or replace a module.
func naming(module string, requires []*modfile.Require, replaces []*modfile.Replace) []int {
	var lines []int
	for _, r := range requires {
		if r.Mod.Path == module {
			lines = append(lines, r.Syntax.Start.Line)
		}
	}
	for _, r := range replaces {
		if r.Old.Path == module {
			lines = append(lines, r.Syntax.Start.Line)
		}
	}
	return lines
}

// above are the directories above a project, up to the root of its repository.
func above(root string) []string {
	var dirs []string
	for dir := root; ; {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dirs
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dirs
		}
		dir = up
		dirs = append(dirs, dir)
	}
}
