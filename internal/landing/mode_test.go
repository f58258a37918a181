package landing

import (
	"os"
	"path/filepath"
	"testing"
)

// A mode that the user has given a file since the change stays.
func TestUndoKeepsTheUsersModes(t *testing.T) {
	root, content := newProject(t, "a", "b")
	if err := Land(t.Context(), root, newOf("a", "b"), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "a"), 0o750); err != nil {
		t.Fatal(err)
	}
	undo, changed, err := Last(root)
	if err != nil || len(changed) > 0 {
		t.Fatal(changed, err)
	}
	if err := Land(t.Context(), root, undo, nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"a": 0o750, "b": 0o600} {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode() != want || content(name) != "old" {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}
