//go:build unix

package landing

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// undoAll takes the last change back.
func undoAll(t *testing.T, root string) {
	t.Helper()
	undo, changed, err := Last(root)
	if err != nil || len(changed) > 0 {
		t.Fatal(changed, err)
	}
	if err := Land(t.Context(), root, undo, nil); err != nil {
		t.Fatal(err)
	}
}

// A directory that was there before stays, also an empty one, and one that goes comes
// back with its mode.
func TestDirectoriesAreAfterwardsAsBefore(t *testing.T) { //nolint:gocognit // one story, told in order
	old, now := &Blob{Content: []byte("old"), Mode: 0o600}, &Blob{Content: []byte("new"), Mode: 0o600}
	for name, op := range map[string]Op{"comes": {Path: "web/x/a", After: now}, "goes": {Path: "web/x/a", Before: old}} {
		for _, isCut := range []bool{false, true} {
			root, _ := newProject(t)
			if err := errors.Join(os.Mkdir(filepath.Join(root, "web"), 0o700), os.Chmod(filepath.Join(root, "web"), 0o710)); err != nil {
				t.Fatal(err)
			}
			if op.Before != nil {
				if err := errors.Join(os.Mkdir(filepath.Join(root, "web/x"), 0o700), os.WriteFile(filepath.Join(root, "web/x/a"), op.Before.Content, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			failure := errors.New("no space")
			err := Land(t.Context(), root, Change{Ops: []Op{op}}, func(what string) error {
				if _, err := os.Lstat(filepath.Join(root, op.Path)); isCut && what == "sync" && (err == nil) == (op.After != nil) {
					isCut = false
					return failure
				}
				return nil
			})
			if err == nil {
				undoAll(t, root)
			} else if !errors.Is(err, failure) {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(root, "web")); err != nil || info.Mode().Perm() != 0o710 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
			info, err := os.Stat(filepath.Join(root, "web/x"))
			if (err == nil) != (op.Before != nil) || err == nil && info.Mode().Perm() != 0o700 {
				t.Errorf("%s: web/x: %v, %v", name, info, err)
			}
		}
	}
}

// Where something else lies in the place of what forge keeps, a pipe say, forge does
// not wait for it.
func TestForgeDoesNotReadWhatIsNoFile(t *testing.T) { //nolint:gocognit // one story, told in order
	for _, name := range []string{last + "/before/0", last + "/" + journalName, going + "/" + journalName, home} {
		for _, isLink := range []bool{false, true} {
			root, _ := newProject(t, "a")
			if err := Land(t.Context(), root, newOf("a"), nil); err != nil {
				t.Fatal(err)
			}
			pipe := filepath.Join(root, name)
			if name == going+"/"+journalName {
				if err := os.Mkdir(filepath.Dir(pipe), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.RemoveAll(pipe); err != nil {
				t.Fatal(err)
			}
			at := pipe
			if isLink {
				at = filepath.Join(t.TempDir(), "pipe")
				if err := os.Symlink(at, pipe); err != nil {
					t.Fatal(err)
				}
			}
			if err := syscall.Mkfifo(at, 0o600); err != nil {
				t.Skip(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := Recover(root, nil)
				if err == nil {
					_, _, err = Last(root)
				}
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil {
					t.Errorf("%s (link %v): no error", name, isLink)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s (link %v): waits", name, isLink)
			}
		}
	}
}
