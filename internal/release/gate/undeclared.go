package gate

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
)

// Undeclared compares a release with the one before it, and returns what its
// declarations may lack or have too much: a sentence each.
func Undeclared(a *release.Archive, tmpl fs.FS, meta release.Meta) ([]string, error) {
	versions := a.Versions()
	at := slices.Index(versions, meta.Version)
	if at < 1 {
		return nil, nil
	}
	before, _, err := a.Open(versions[at-1])
	if err != nil {
		return nil, err
	}
	was, err := everything(before)
	if err != nil {
		return nil, err
	}
	is, err := everything(tmpl)
	if err != nil {
		return nil, err
	}
	var notes []string
	from, to := make(map[string]bool), make(map[string]bool)
	for _, r := range meta.Renames {
		from[r.From], to[r.To] = true, true
		if _, ok := was[r.From]; !ok {
			notes = append(notes, fmt.Sprintf("%s is declared to be renamed, and was no file of %s", r.From, versions[at-1]))
		}
		if _, ok := is[r.To]; !ok {
			notes = append(notes, fmt.Sprintf("%s is declared to be the new name of %s, and is no file", r.To, r.From))
		}
	}
	for name, content := range was {
		if _, ok := is[name]; ok || from[name] {
			continue
		}
		for other, now := range is {
			if _, ok := was[other]; !ok && !to[other] && alike(content, now) {
				notes = append(notes, fmt.Sprintf("%s is gone, and %s is new and like it: if it was renamed, declare that in releases/next.yaml and cut again", name, other))
			}
		}
	}
	slices.Sort(notes)
	return notes, nil
}

// everything returns the managed files of the project that has all extras.
func everything(tmpl fs.FS) (map[string]string, error) {
	tree, err := render.Render(tmpl, sets()["everything"], "")
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for _, f := range tree.Files {
		if f.Owner == project.Managed {
			files[f.Path] = string(f.Content)
		}
	}
	return files, nil
}

// alike reports whether half of the lines of two texts are the same.
func alike(a, b string) bool {
	lines := make(map[string]int)
	for line := range strings.Lines(a) {
		lines[line]++
	}
	same := 0
	for line := range strings.Lines(b) {
		if strings.TrimSpace(line) != "" && lines[line] > 0 {
			lines[line]--
			same++
		}
	}
	return 2*same > max(strings.Count(a, "\n"), strings.Count(b, "\n"))
}
