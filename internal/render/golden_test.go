package render_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release/gate"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

func hostile() answers.Answers { return gate.Hostile() }

func answerSets() map[string]answers.Answers { return gate.AnswerSets() }

// TestGolden compares what rendering decides with testdata/golden: the files
// outside internal/, and of each the lines that are not in the template, once.
// What is the same for everybody is not repeated there.
func TestGolden(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v0.0.0-golden")
		if err != nil {
			t.Fatal(err)
		}
		got := txtar.Format(decisions(t, a, tree))
		path := filepath.Join("..", "..", "testdata", "golden", name+".txtar")
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what is rendered; see the difference after: go test ./internal/render -run TestGolden -update\n%s", path, firstDifference(string(got), string(want)))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// listed finds the lines of the record that say what the list of files says.
var listed = regexp.MustCompile(`^  - path: |^    (mode|sha256|owner): `)

func decisions(t *testing.T, a answers.Answers, tree *render.Tree) *txtar.Archive {
	t.Helper()
	known := templateLines(t)
	ar := new(txtar.Archive)
	var names strings.Builder
	for _, f := range tree.Files {
		if strings.HasPrefix(f.Path, "internal/") || f.Path == "go.sum" {
			continue
		}
		fmt.Fprintf(&names, "%v %-7s %s\n", f.Mode, f.Owner, f.Path)
		if lines := decided(f, known); lines != "" {
			ar.Files = append(ar.Files, txtar.File{Name: f.Path, Data: []byte(lines)})
		}
	}
	ar.Files = append([]txtar.File{{Name: "files", Data: []byte(names.String())}}, ar.Files...)
	ar.Comment = fmt.Appendf(nil, "What rendering decides for the service %s: the files, and their lines that are not in the template.\n\n", a.Name)
	return ar
}

// decided returns the lines of a file that are not known. Of the record's list
// of files it has nothing: it says the same as the list here.
func decided(f render.File, known map[string]bool) string {
	var lines strings.Builder
	seen := make(map[string]bool)
	for line := range strings.Lines(string(f.Content)) {
		isRecord := f.Path == project.Path
		if isRecord && listed.MatchString(line) || !isRecord && (known[line] || seen[line]) {
			continue
		}
		seen[line] = true
		lines.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	return lines.String()
}

// templateLines returns every line of the template.
func templateLines(t *testing.T) map[string]bool {
	t.Helper()
	lines := make(map[string]bool)
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(template.FS, name)
		for line := range strings.Lines(string(src)) {
			lines[line] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
