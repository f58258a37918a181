package render_test

import (
	"cmp"
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

// workflows are forge's own and those of services.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	own, err := os.ReadFile("../../.github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"forge's own": string(own)}
	for _, extras := range [][]string{{answers.GitHub}, {answers.GitHub, answers.Docker, answers.Avro}} {
		a := answers.Defaults("shop")
		a.With = extras
		tree, err := render.Render(template.FS, a, "v0.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tree.Files {
			if ok, _ := path.Match(".github/workflows/*", f.Path); ok {
				all[strings.Join(extras, ", ")] = string(f.Content)
			}
		}
	}
	if len(all) != 3 {
		t.Fatalf("%d workflows, want 3", len(all))
	}
	return all
}

// TestActionsArePinned proves that nobody can move what the workflows run, and that all
// run the same of an action.
func TestActionsArePinned(t *testing.T) {
	versions := map[string]string{}
	for name, workflow := range workflows(t) {
		uses := 0
		for line := range strings.Lines(workflow) {
			if line = strings.TrimSpace(line); !strings.Contains(line, "uses:") {
				continue
			}
			uses++
			m := pinned.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: %q is not owner/action@commit # version", name, line)
				continue
			}
			version := m[2] + " " + m[3]
			if other := cmp.Or(versions[m[1]], version); other != version {
				t.Errorf("%s: %s is %s here and %s elsewhere", name, m[1], version, other)
			}
			versions[m[1]] = version
		}
		if uses == 0 {
			t.Errorf("%s has no action", name)
		}
	}
}

// TestWorkflowsMayOnlyRead proves that no job has more rights than to read the repository.
func TestWorkflowsMayOnlyRead(t *testing.T) {
	for name, workflow := range workflows(t) {
		if strings.Count(workflow, "permissions:") != 1 || !strings.Contains(workflow, "\npermissions:\n  contents: read\n\n") {
			t.Errorf("%s does not say so, or says more", name)
		}
	}
}
