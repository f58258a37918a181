package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"

	releases "github.com/ouroboros-forge/forge/internal/release"
)

// TestAdoptIsCut fails adopt, and the undo of it, before each change of the disk, and
// ends them there: afterwards there is no record, or the whole one.
func TestAdoptIsCut(t *testing.T) {
	lost := func() string {
		dir := aProject(t, nil)
		if err := os.RemoveAll(filepath.Join(dir, ".forge")); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	wasOpen := openArchive // of one template it takes half the time
	t.Cleanup(func() { openArchive = wasOpen })
	openArchive = func() (*releases.Archive, error) { return releases.NewArchive(fstest.MapFS{}) }
	done := lost()
	if code, stderr := inProject(t, done, nil, "adopt", "--quiet"); code != exitOK {
		t.Fatal(stderr)
	}
	adopted := func() string {
		dir := filepath.Join(t.TempDir(), "shop")
		if out, err := exec.Command("cp", "-Rp", done, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return dir
	}
	without, with := snapshot(t, lost()), snapshot(t, adopted())
	for command, prepare := range map[string]func() string{"adopt": lost, "undo": adopted} {
		steps := 0
		if code, stderr := inProject(t, prepare(), func(string) error { steps++; return nil }, command, "--quiet"); code != exitOK || steps < 4 {
			t.Fatalf("%s: %d steps, %s", command, steps, stderr)
		}
		for n := range steps {
			if testing.Short() && n%3 > 0 {
				continue
			}
			dir := prepare()
			code, stderr := inProject(t, dir, fullAt(n), command, "--quiet")
			want := without
			if (command == "adopt") == (code == exitOK) {
				want = with
			}
			if got := snapshot(t, dir); !sameBut(got, want, ".forge/") { // in which the last step may have left something
				t.Fatalf("%s, full at step %d: code %d, %s", command, n, code, stderr)
			}
			dir = prepare()
			cutAt(t, dir, n, command, "--quiet")
			canGoOn(t, dir)
			if got := snapshot(t, dir); !maps.Equal(got, with) {
				t.Fatalf("%s, cut at step %d: it is another project", command, n)
			}
		}
	}
}

// canGoOn proves that a project has its record, or none and can be adopted.
func canGoOn(t *testing.T, dir string) {
	t.Helper()
	code, stderr := inProject(t, dir, nil, "status", "--quiet")
	_, err := os.Stat(filepath.Join(dir, ".forge", "project.yaml"))
	switch {
	case code == exitOK && err == nil:
	case code == exitUsage && err != nil:
		if code, stderr := inProject(t, dir, nil, "adopt", "--quiet"); code != exitOK {
			t.Fatalf("adopted again: %s", stderr)
		}
	default:
		t.Fatalf("the next command: code %d, %v, %s", code, err, stderr)
	}
}

// sameBut compares two snapshots, but for one entry.
func sameBut(a, b map[string]string, but string) bool {
	x, y := maps.Clone(a), maps.Clone(b)
	delete(x, but)
	delete(y, but)
	return maps.Equal(x, y)
}
