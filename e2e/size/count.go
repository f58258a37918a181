package main

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/ouroboros-forge/forge/internal/render"
)

// size is what can be counted without running anything. Lines of Go are tests in
// _test.go files and in packages that only tests import; all others are code.
type size struct {
	files, code, tests  int
	firstPage, settings int // names in .env.example, and in the table of all settings
	readme              int // lines
}

var (
	envName = regexp.MustCompile(`(?m)^#? ?([A-Z][A-Z0-9_]+)=`)
	rowName = regexp.MustCompile("(?m)^\\| `([A-Z][A-Z0-9_]+)`")
)

// count counts a project whose testOnly are the directories of the packages that
// only tests import.
func count(tree *render.Tree, testOnly map[string]bool) size {
	s := size{files: len(tree.Files)}
	all := make(map[string]bool)
	for _, f := range tree.Files {
		lines := bytes.Count(f.Content, []byte("\n"))
		switch {
		case strings.HasSuffix(f.Path, "_test.go"), path.Ext(f.Path) == ".go" && testOnly[path.Dir(f.Path)]:
			s.tests += lines
		case path.Ext(f.Path) == ".go":
			s.code += lines
		case f.Path == ".env.example":
			s.firstPage = len(names(envName, f.Content, make(map[string]bool)))
		}
		if f.Path == "README.md" {
			s.readme = lines
		}
		if path.Ext(f.Path) == ".md" {
			s.settings = len(names(rowName, f.Content, all))
		}
	}
	return s
}

// names adds what a pattern finds to what was found before.
func names(pattern *regexp.Regexp, text []byte, found map[string]bool) map[string]bool {
	for _, m := range pattern.FindAllSubmatch(text, -1) {
		found[string(m[1])] = true
	}
	return found
}
