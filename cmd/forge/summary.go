package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/ouroboros-forge/forge/internal/project"
)

// printTree shows what was written, the parts that are the user's first.
func (r result) printTree(t terminal) error {
	var b strings.Builder
	fmt.Fprintln(&b, t.style(bold, r.target.path))
	rows := r.rows()
	if r.git != "" {
		rows = append(rows, [2]string{".git", r.git})
	}
	rows = append(rows, [2]string{"…", fmt.Sprintf("%d files, %d ms", len(r.tree.Files), r.elapsed.Milliseconds())})
	width := 0
	for _, row := range rows {
		width = max(width, ansi.StringWidth(row[0]))
	}
	for i, row := range rows {
		branch := "├── "
		if i == len(rows)-1 {
			branch = "└── "
		}
		pad := strings.Repeat(" ", width-ansi.StringWidth(row[0])+4)
		text := ansi.Truncate(row[1], max(t.width()-len("├── ")-width-4, 20), " …")
		fmt.Fprintln(&b, t.style(faint, branch)+row[0]+pad+text)
	}
	_, err := fmt.Fprint(t.stdout, b.String())
	return err
}

// printNext shows how to go on.
func (r result) printNext(t terminal) error {
	var b strings.Builder
	fmt.Fprintln(&b)
	for _, n := range r.next() {
		line := "  " + n.command
		if n.purpose != "" {
			line = fmt.Sprintf("  %-14s  ", n.command)
			line += t.style(faint, ansi.Truncate("# "+n.purpose, max(t.width()-len(line), 20), " …"))
		}
		fmt.Fprintln(&b, line)
	}
	_, err := fmt.Fprint(t.stdout, b.String())
	return err
}

// rows are the folders and the Go files beside them, each with whose they are:
// first the user's, then what a later forge may change. Hidden folders, tests
// and package comments go without saying.
func (r result) rows() [][2]string {
	folders := make(map[string]*folder)
	var yours, managed [][2]string
	for _, f := range r.tree.Files {
		top, rest, nested := strings.Cut(f.Path, "/")
		switch {
		case strings.HasPrefix(top, "."):
		case nested:
			if folders[top] == nil {
				folders[top] = new(folder)
			}
			folders[top].add(rest, f.Owner)
		case f.Owner == project.User && path.Ext(top) == ".go" && !strings.HasSuffix(top, "_test.go"):
			yours = append(yours, [2]string{top, "yours"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		text, isYours := folders[name].row()
		if isYours {
			yours = append(yours, [2]string{name, text})
		} else {
			managed = append(managed, [2]string{name, text})
		}
	}
	return append(yours, managed...)
}

// folder is what is worth naming in a folder.
type folder struct {
	yours      []string // files of the user's, at any depth
	own        bool     // whether some of them are in the folder itself
	hasManaged bool     // whether any file is not the user's, at any depth
	managed    []string // other files in the folder itself, but for Go's
	hasGo      bool     // whether there is Go in the folder itself
	inner      []string // folders in it
}

func (f *folder) add(file string, owner project.Owner) {
	inner, _, nested := strings.Cut(file, "/")
	if nested && !slices.Contains(f.inner, inner) {
		f.inner = append(f.inner, inner)
	}
	isGo := path.Ext(file) == ".go"
	f.hasManaged = f.hasManaged || owner == project.Managed
	switch {
	case owner == project.User && path.Base(file) != "doc.go" && !strings.HasSuffix(file, "_test.go"):
		f.yours = append(f.yours, file)
		f.own = f.own || !nested
	case owner == project.Managed && !nested && isGo:
		f.hasGo = true
	case owner == project.Managed && !nested:
		f.managed = append(f.managed, file)
	}
}

// row says whose the folder is and what is in it.
func (f *folder) row() (text string, yours bool) {
	if f.own || !f.hasManaged {
		return "yours: " + strings.Join(f.yours, ", "), true
	}
	text = "managed"
	named := f.managed
	if !f.hasGo {
		named = append(named, f.inner...)
	}
	if len(named) > 0 {
		text += ": " + strings.Join(named, ", ")
	}
	if len(f.yours) > 0 {
		text += "; yours: " + strings.Join(f.yours, ", ")
	}
	return text, false
}
