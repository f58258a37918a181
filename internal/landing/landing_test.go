package landing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// tree is what is in a project: modes and contents by path, directories with a
// slash at their end. What is in .forge but for the record is forge's business.
type tree map[string]string

func read(t *testing.T, root string) tree {
	t.Helper()
	found := make(tree)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if strings.HasPrefix(rel, home+"/") {
				return fs.SkipDir
			}
			found[rel+"/"] = ""
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			found[rel] = info.Mode().String()
			return nil
		}
		content, err := os.ReadFile(name)
		found[rel] = fmt.Sprintf("%v %s", info.Mode(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sample makes a project, and a change of it that writes, replaces and deletes.
func sample(t *testing.T) (root string, c Change) {
	t.Helper()
	root = t.TempDir()
	for name, mode := range map[string]fs.FileMode{".forge/project.yaml": 0o644, ".env": 0o600, "web/a.go": 0o644, "handlers/h.go": 0o664, "same.go": 0o644} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("old "+name), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	old := func(name string, mode fs.FileMode) *Blob { return &Blob{Content: []byte("old " + name), Mode: mode} }
	return root, Change{Title: "add x", Ops: []Op{
		{Path: "handlers/h.go", Before: old("handlers/h.go", 0o664), After: &Blob{[]byte("new h"), 0o664}},
		{Path: "deep/er/x.go", After: &Blob{[]byte("new x"), 0o644}},
		{Path: ".env", Before: old(".env", 0o600), After: &Blob{[]byte("new env"), 0o600}},
		{Path: "web/a.go", Before: old("web/a.go", 0o644)},
		{Path: ".forge/project.yaml", Before: old(".forge/project.yaml", 0o644), After: &Blob{[]byte("new record"), 0o644}},
	}}
}

func TestLandAndUndo(t *testing.T) {
	root, c := sample(t)
	before := read(t, root)
	if err := Land(t.Context(), root, c, nil); err != nil {
		t.Fatal(err)
	}
	after := read(t, root)
	want := tree{
		".forge/": "", ".forge/project.yaml": "-rw-r--r-- new record", ".env": "-rw------- new env", "deep/": "", "deep/er/": "",
		"deep/er/x.go": "-rw-r--r-- new x", "handlers/": "", "handlers/h.go": "-rw-rw-r-- new h", "same.go": "-rw-r--r-- old same.go",
	}
	if !maps.Equal(after, want) {
		t.Fatalf("got %v", after)
	}
	undo, changed, err := Last(root)
	if err != nil || len(changed) > 0 || undo.Title != "add x" {
		t.Fatalf("%v, %v, %v", undo.Title, changed, err)
	}
	if err := Land(t.Context(), root, undo, nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, root); !maps.Equal(got, before) {
		t.Errorf("undone: %v, want %v", got, before)
	}
	if _, _, err := Last(root); !errors.Is(err, ErrNothing) {
		t.Errorf("a second time: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(root, home))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v are in .forge, %v", entries, err)
	}
}

// TestChangedSince proves that what was changed since is not taken back, nor
// overwritten by a change that was made for something else.
func TestChangedSince(t *testing.T) {
	root, c := sample(t)
	if err := Land(t.Context(), root, c, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(root, "handlers", "h.go"), []byte("mine"), 0o644), os.Remove(filepath.Join(root, "deep", "er", "x.go"))); err != nil {
		t.Fatal(err)
	}
	if _, changed, err := Last(root); err != nil || !slices.Equal(changed, []string{"handlers/h.go", "deep/er/x.go"}) {
		t.Errorf("%v, %v", changed, err)
	}
	before := read(t, root)
	err := Land(t.Context(), root, c, nil)
	if changed, ok := errors.AsType[*ChangedError](err); !ok || changed.Path != "handlers/h.go" {
		t.Errorf("%v", err)
	}
	if got := read(t, root); !maps.Equal(got, before) {
		t.Errorf("%v", got)
	}
}

func TestCanceled(t *testing.T) {
	root, c := sample(t)
	before := read(t, root)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Land(ctx, root, c, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := read(t, root); !maps.Equal(got, before) || isBroken(root) {
		t.Errorf("%v", got)
	}
}

// TestForeignJournal proves that a journal that came with somebody's repository
// writes nothing outside of the project, and nothing of git's.
func TestForeignJournal(t *testing.T) {
	for _, name := range []string{"../out", "/out", ".git/hooks/post-checkout", ".GIT/hooks/x", "a/.git/x", "link/post-checkout", "web/../.git/x", "."} {
		root, _ := sample(t)
		err := errors.Join(
			os.MkdirAll(filepath.Join(root, ".git", "hooks"), 0o755), os.Symlink(filepath.Join(".git", "hooks"), filepath.Join(root, "link")),
			os.MkdirAll(filepath.Join(root, going, "after"), 0o755), os.WriteFile(filepath.Join(root, going, "after", "0"), []byte("x"), 0o755),
		)
		if err != nil {
			t.Fatal(err)
		}
		text, err := journal{Schema: journalSchema, Ops: []journalOp{{Path: name, After: stateOf(&Blob{[]byte("x"), 0o755})}}}.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, going, journalName), text, 0o644); err != nil {
			t.Fatal(err)
		}
		before := read(t, root)
		if _, err := Recover(root, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
		if got := read(t, root); !maps.Equal(got, before) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOneAtATime proves that a second forge does nothing while one is at work.
func TestOneAtATime(t *testing.T) {
	root, c := sample(t)
	err := run(root, nil, func(*lander) error { return Land(t.Context(), root, c, nil) })
	if !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

// changes are what is cut: a change, and taking it back.
var changes = map[string]func(t *testing.T, root string, c Change) Change{
	"land": func(_ *testing.T, _ string, c Change) Change { return c },
	"undo": func(t *testing.T, root string, c Change) Change {
		if err := Land(t.Context(), root, c, nil); err != nil {
			t.Fatal(err)
		}
		undo, _, err := Last(root)
		if err != nil {
			t.Fatal(err)
		}
		return undo
	},
}

// outcomes are the trees before and after a change, and its steps.
func outcomes(t *testing.T, prepare func(t *testing.T, root string, c Change) Change) (before, after tree, steps int) {
	t.Helper()
	root, c := sample(t)
	c = prepare(t, root, c)
	before = read(t, root)
	err := run(root, func(string) error { steps++; return nil }, func(l *lander) error { return l.land(t.Context(), c) })
	if err != nil {
		t.Fatal(err)
	}
	if after = read(t, root); maps.Equal(before, after) || steps < 15 {
		t.Fatalf("%d steps, %v", steps, after)
	}
	return before, after, steps
}

// TestFails lets each step fail. Once, as on a full disk, where renames still
// work: the tree is the old one at once, unless all was done before. From then on,
// as on a disk that is gone: it is the old or the new one after the next command.
func TestFails(t *testing.T) {
	for name, prepare := range changes {
		before, after, steps := outcomes(t, prepare)
		for n := range steps {
			root, c := sample(t)
			c = prepare(t, root, c)
			want := after
			if err := run(root, failing(n, n), func(l *lander) error { return l.land(t.Context(), c) }); err != nil {
				want = before
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s, step %d: %v", name, n, err)
				}
			}
			if got := read(t, root); !maps.Equal(got, want) {
				t.Errorf("%s, step %d: got %v", name, n, got)
			}
			checkRecovered(t, root, want)

			root, c = sample(t)
			c = prepare(t, root, c)
			_ = run(root, failing(n, steps*10), func(l *lander) error { return l.land(t.Context(), c) })
			checkRecovered(t, root, before, after)
		}
	}
}

// failing lets the steps from first to last fail.
func failing(first, last int) Step {
	n := -1
	return func(string) error {
		if n++; first <= n && n <= last {
			return syscall.ENOSPC
		}
		return nil
	}
}

// checkRecovered lets the next command set right what is broken.
func checkRecovered(t *testing.T, root string, wanted ...tree) {
	t.Helper()
	if _, err := Recover(root, nil); err != nil {
		t.Error(err)
	}
	got := read(t, root)
	if !slices.ContainsFunc(wanted, func(want tree) bool { return maps.Equal(got, want) }) {
		t.Errorf("after the next command: %v", got)
	}
	if isBroken(root) {
		t.Error("something is left to recover")
	}
}

// TestCut ends the work before each step, and the next command's work before each
// of its steps, too: then the tree is the old one or the new one.
func TestCut(t *testing.T) {
	for name, prepare := range changes {
		before, after, steps := outcomes(t, prepare)
		finished := 0
		for n := range steps {
			for _, again := range []int{-1, 0, 1, 3, 6} {
				root, c := sample(t)
				c = prepare(t, root, c)
				cut(t, root, n, func(l *lander) error { return l.land(t.Context(), c) })
				if again >= 0 {
					cut(t, root, again, func(l *lander) error {
						_, err := l.recover()
						return err
					})
				}
				checkRecovered(t, root, before, after)
				if maps.Equal(read(t, root), after) {
					finished++
				}
				if t.Failed() {
					t.Fatalf("%s, step %d, and %d of the next", name, n, again)
				}
			}
		}
		if finished == 0 {
			t.Errorf("%s was never finished", name)
		}
	}
}

// cut ends what is done before its n-th step.
func cut(t *testing.T, root string, n int, do func(*lander) error) {
	t.Helper()
	type end struct{}
	defer func() {
		if r := recover(); r != nil && r != (end{}) {
			panic(r)
		}
	}()
	step := func(string) error {
		if n--; n < 0 {
			panic(end{})
		}
		return nil
	}
	if err := run(root, step, do); err != nil {
		t.Error(err)
	}
}

// TestKilled kills a process before each of its steps.
func TestKilled(t *testing.T) {
	if root := os.Getenv("FORGE_TEST_KILLED"); root != "" {
		n, err := strconv.Atoi(os.Getenv("FORGE_TEST_STEP"))
		if err != nil {
			t.Fatal(err)
		}
		_, c := sample(t)
		err = run(root, func(string) error {
			if n--; n < 0 {
				if self, err := os.FindProcess(os.Getpid()); err == nil {
					_ = self.Kill()
				}
				select {} // the signal is on its way
			}
			return nil
		}, func(l *lander) error { return l.land(t.Context(), c) })
		t.Fatalf("survived: %v", err)
	}
	before, after, steps := outcomes(t, changes["land"])
	for n := range steps {
		root, _ := sample(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "FORGE_TEST_KILLED="+root, "FORGE_TEST_STEP="+strconv.Itoa(n))
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("step %d: the process was not killed: %v\n%s", n, err, out)
		}
		checkRecovered(t, root, before, after)
	}
}

// TestEditedBetween proves that what the user writes between a crash and the next
// command is not overwritten.
func TestEditedBetween(t *testing.T) {
	root, c := sample(t)
	cut(t, root, 14, func(l *lander) error { return l.land(t.Context(), c) }) // before its third file
	if err := os.WriteFile(filepath.Join(root, ".env"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Recover(root, nil)
	if err != nil || r == nil || !r.Finished || !slices.Equal(r.Left, []string{".env"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := read(t, root)[".env"]; got != "-rw------- mine" {
		t.Error(got)
	}
}
