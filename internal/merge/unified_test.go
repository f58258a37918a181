package merge_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// TestPatchApplies proves that git makes of one version the other with a patch.
func TestPatchApplies(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("NOT TESTED: no git")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	rapid.Check(t, func(t *rapid.T) {
		v := anyVersion(rapid.Bool().Draw(t, "distinct"), 40).Draw(t, "version")
		patch := merge.Patch("a/f", "b/f", v.ours, v.theirs)
		if (patch == "") != bytes.Equal(v.ours, v.theirs) {
			t.Fatalf("%q", patch)
		}
		if patch == "" || len(v.ours) == 0 || len(v.theirs) == 0 {
			return
		}
		if err := os.WriteFile(file, v.ours, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "apply", "--unidiff-zero", "-")
		cmd.Dir, cmd.Stdin = dir, bytes.NewBufferString(patch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, patch)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, v.theirs) {
			t.Fatalf("%v: %q, want %q\n%s", err, got, v.theirs, patch)
		}
	})
}

func TestPatchOfWholeFiles(t *testing.T) {
	for _, c := range []struct {
		a, b []byte
		want string
	}{
		{nil, []byte("x\n"), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n"},
		{[]byte("x\n"), nil, "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"},
		{[]byte("\x00"), []byte("x\n"), "Binary files a/f and b/f differ\n"},
	} {
		if got := merge.Patch("a/f", "b/f", c.a, c.b); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
