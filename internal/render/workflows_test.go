package render_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// pinned is an action at a commit, with the version that it is in a comment.
var pinned = regexp.MustCompile(`^(?:- )?uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)

// TestActionsArePinned proves of the services' workflow and of forge's own that nobody
// can move what they run, and that both run the same of an action.
func TestActionsArePinned(t *testing.T) {
	own, err := os.ReadFile("../../.github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	workflows := map[string]string{"forge's own": string(own)}
	for _, extras := range [][]string{{answers.GitHub}, {answers.GitHub, answers.Docker, answers.Avro}} {
		a := answers.Defaults("shop")
		a.With = extras
		tree, err := render.Render(template.FS, a, "v0.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tree.Files {
			if ok, _ := path.Match(".github/workflows/*", f.Path); ok {
				workflows[strings.Join(extras, ", ")] = string(f.Content)
			}
		}
	}
	if len(workflows) != 3 {
		t.Fatalf("%d workflows, want 3", len(workflows))
	}
	versions := map[string]string{}
	for name, workflow := range workflows {
		uses := 0
		for line := range strings.Lines(workflow) {
			line = strings.TrimSpace(line)
			if !strings.Contains(line, "uses:") {
				continue
			}
			uses++
			m := pinned.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: %q is not owner/action@commit # version", name, line)
				continue
			}
			if version := m[2] + " " + m[3]; versions[m[1]] == "" {
				versions[m[1]] = version
			} else if versions[m[1]] != version {
				t.Errorf("%s: %s is %s here and %s elsewhere", name, m[1], version, versions[m[1]])
			}
		}
		if uses == 0 || !strings.Contains(workflow, "\npermissions:\n  contents: read\n\n") || strings.Contains(workflow, ": write") {
			t.Errorf("%s: %d actions, and more rights than to read the repository", name, uses)
		}
	}
}
