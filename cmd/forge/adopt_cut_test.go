package main

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
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
	adopted := func() string {
		dir := lost()
		if code, stderr := inProject(t, dir, nil, "adopt", "--quiet"); code != exitOK {
			t.Fatal(stderr)
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
			want := map[bool]map[string]string{true: with, false: without}[(command == "adopt") == (code == exitOK)]
			if got := snapshot(t, dir); !maps.Equal(got, want) {
				t.Fatalf("%s, full at step %d: code %d, %s", command, n, code, stderr)
			}
			dir = prepare()
			cutAt(t, dir, n, command, "--quiet")
			code, stderr = inProject(t, dir, nil, "status", "--quiet")
			_, err := os.Stat(filepath.Join(dir, ".forge", "project.yaml"))
			if (code == exitOK) != (err == nil) || code != exitOK && code != exitUsage {
				t.Fatalf("%s, cut at step %d: code %d, %v, %s", command, n, code, err, stderr)
			}
			if code == exitUsage {
				if code, stderr := inProject(t, dir, nil, "adopt", "--quiet"); code != exitOK {
					t.Fatalf("%s, cut at step %d, and adopted again: %s", command, n, stderr)
				}
			}
			if got := snapshot(t, dir); !maps.Equal(got, with) {
				t.Fatalf("%s, cut at step %d: it is another project", command, n)
			}
		}
	}
}
