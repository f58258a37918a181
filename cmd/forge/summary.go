package main

import (
	"fmt"
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
	rows := append(r.rows(), [2]string{"…", fmt.Sprintf("%d files, %d ms", len(r.tree.Files), r.elapsed.Milliseconds())})
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
			line = fmt.Sprintf("  %-14s  %s", n.command, t.style(faint, "# "+n.purpose))
		}
		fmt.Fprintln(&b, line)
	}
	_, err := fmt.Fprint(t.stdout, b.String())
	return err
}

// rows are the directories worth naming: those with files of the user's, and
// internal with the packages in it.
func (r result) rows() [][2]string {
	yours := make(map[string][]string)
	var packages []string
	for _, f := range r.tree.Files {
		dir, name := path.Split(f.Path)
		top, rest, _ := strings.Cut(f.Path, "/")
		switch {
		case f.Owner == project.User && dir == top+"/" && name != "doc.go" && !strings.HasSuffix(name, "_test.go"):
			yours[top] = append(yours[top], name)
		case top == "internal":
			if pkg, _, nested := strings.Cut(rest, "/"); nested && !slices.Contains(packages, pkg) {
				packages = append(packages, pkg)
			}
		}
	}
	var rows [][2]string
	for _, dir := range []string{"handlers", "models", "web"} {
		if len(yours[dir]) > 0 {
			rows = append(rows, [2]string{dir, "yours: " + strings.Join(yours[dir], ", ")})
		}
	}
	if len(packages) > 0 {
		rows = append(rows, [2]string{"internal", strings.Join(packages, ", ")})
	}
	return rows
}
