package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// TestAgentsFile proves that AGENTS.md is some twenty lines, says how to add a topic and
// how to test, and names as the user's what is theirs, and is there.
func TestAgentsFile(t *testing.T) {
	for name, a := range answerSets() {
		tree, err := render.Render(template.FS, a, "v0.0.0-test")
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(tree.Files, func(f render.File) bool { return f.Path == "AGENTS.md" })
		if at < 0 || tree.Files[at].Owner != project.User {
			t.Fatalf("%s: there is no AGENTS.md of the user's", name)
		}
		text := string(tree.Files[at].Content)
		if n := strings.Count(text, "\n"); n > 22 {
			t.Errorf("%s: it has %d lines", name, n)
		}
		for _, want := range []string{"forge add handler payments", "go test ./...", "forge update", "forge doctor"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it does not say `%s`", name, want)
			}
		}
		_, yours, _ := strings.Cut(text, "**Yours to edit:**")
		yours, _, _ = strings.Cut(yours, "\n")
		found := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(yours, -1)
		if len(found) < 6 {
			t.Errorf("%s: what is the user's? %s", name, yours)
		}
		for _, path := range found {
			if !slices.ContainsFunc(tree.Files, func(f render.File) bool {
				return f.Owner == project.User && (f.Path == path[1] || strings.HasSuffix(path[1], "/") && strings.HasPrefix(f.Path, path[1]))
			}) {
				t.Errorf("%s: %s is not there, or not the user's", name, path[1])
			}
		}
	}
}
