package landing

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newProject makes one with the given files, each with the content "old".
func newProject(t *testing.T, files ...string) (root string, content func(name string) string) {
	t.Helper()
	root = t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, home), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		write(name, "old")
	}
	return root, func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
}

func save(t *testing.T, root, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte("users"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newOf is a change of two files that are there.
func newOf(names ...string) (c Change) {
	for _, name := range names {
		c.Ops = append(c.Ops, Op{Path: name, Before: &Blob{Content: []byte("old"), Mode: 0o600}, After: &Blob{Content: []byte("new"), Mode: 0o600}})
	}
	return c
}

// A file that an editor saves while a change lands ends it: the others are as they
// were, and that file as it was saved.
func TestAFileSavedWhileAChangeLandsEndsIt(t *testing.T) {
	for _, at := range []string{"rename " + staged, "b"} {
		root, content := newProject(t, "a", "b")
		err := Land(t.Context(), root, newOf("a", "b"), func(what string) error {
			if what == at {
				save(t, root, "b")
			}
			return nil
		})
		if changed, ok := errors.AsType[*ChangedError](err); !ok || changed.Path != "b" || content("a") != "old" || content("b") != "users" {
			t.Errorf("saved at %s: %v, a is %s, b is %s", at, err, content("a"), content("b"))
		}
	}
}

// A change that fails says which files it could not take back, because somebody has
// changed them since.
func TestAFailedChangeNamesWhatItLeaves(t *testing.T) {
	root, content := newProject(t, "a", "b")
	failure := errors.New("no space")
	err := Land(t.Context(), root, newOf("a", "b"), func(what string) error {
		if what != "b" || content("a") != "new" {
			return nil
		}
		save(t, root, "a")
		return failure
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "a was changed meanwhile, and is left as it is") || content("a") != "users" || content("b") != "old" {
		t.Errorf("%v, a is %s, b is %s", err, content("a"), content("b"))
	}
}

// A new file takes the place of none that appears meanwhile.
func TestANewFileOverwritesNone(t *testing.T) {
	root, content := newProject(t)
	err := Land(t.Context(), root, Change{Ops: []Op{{Path: "a", After: &Blob{Content: []byte("new"), Mode: 0o600}}}}, func(what string) error {
		if what == "a" {
			save(t, root, "a")
		}
		return nil
	})
	if _, ok := errors.AsType[*ChangedError](err); !ok || content("a") != "users" {
		t.Errorf("%v, a is %s", err, content("a"))
	}
}

// Where .forge leads elsewhere, nothing there is touched.
func TestALinkInThePlaceOfForgesDirectoryIsRefused(t *testing.T) {
	elsewhere, root := t.TempDir(), t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(elsewhere, "change.tmp", "precious"), 0o700), os.Symlink(elsewhere, filepath.Join(root, home))); err != nil {
		t.Fatal(err)
	}
	if _, err := Recover(root, nil); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "change.tmp", "precious")); err != nil {
		t.Error(err)
	}
}

// What was torn on the disk, or came with somebody's repository, is not landed.
func TestWhatIsNotAsTheJournalSaysDoesNotLand(t *testing.T) {
	root, content := newProject(t)
	err := errors.Join(os.MkdirAll(filepath.Join(root, going, "after"), 0o700),
		os.WriteFile(filepath.Join(root, going, "after", "0"), []byte("torn"), 0o600),
		os.WriteFile(filepath.Join(root, going, journalName), []byte(`{"schema":1,"title":"x","ops":[{"path":"a","before":{},"after":{"sha256":"feed"}}]}`), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Recover(root, nil); err != nil || r == nil || r.Finished {
		t.Errorf("%+v, %v; want it taken back", r, err)
	}
	if _, err := os.Lstat(filepath.Join(root, "a")); err == nil {
		t.Errorf("a is %s", content("a"))
	}
}

// TestErrorNamesTheFile proves that what cannot be changed is told by its own name, and not
// by those of what forge keeps.
func TestErrorNamesTheFile(t *testing.T) {
	root, _ := newProject(t, "a", "b")
	err := Land(t.Context(), root, newOf("a", "b"), func(what string) error {
		if what == "b" {
			return &os.LinkError{Op: "renameat", Old: going + "/after/1", New: "b", Err: fs.ErrPermission}
		}
		return nil
	})
	if want := "b cannot be changed: permission denied"; err == nil || err.Error() != want || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want %s", err, want)
	}
}
