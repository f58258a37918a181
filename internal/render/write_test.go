package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// sample is a tree with files at several depths.
func sample() *Tree {
	return &Tree{Files: []File{
		{Path: ".env", Mode: 0o600, Content: []byte("A=1\n")},
		{Path: "README.md", Mode: 0o644, Content: []byte("# x\n")},
		{Path: "dev/run", Mode: 0o755, Content: []byte("#!/bin/sh\n")},
		{Path: "dev/samples/a.json", Mode: 0o644, Content: []byte("{}\n")},
		{Path: "empty", Mode: 0o644},
		{Path: "internal/a/b/c.go", Mode: 0o644, Content: []byte("package c\n")},
	}}
}

// list returns what is below dir: paths, and modes and contents of files.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		line := filepath.ToSlash(rel)
		if !d.IsDir() {
			info, err := d.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %v %q", info.Mode(), content)
		}
		found = append(found, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// whole is what list says of the sample.
var whole = []string{
	`.env -rw------- "A=1\n"`, `README.md -rw-r--r-- "# x\n"`, `dev`, `dev/run -rwxr-xr-x "#!/bin/sh\n"`, `dev/samples`,
	`dev/samples/a.json -rw-r--r-- "{}\n"`, `empty -rw-r--r-- ""`, `internal`, `internal/a`, `internal/a/b`, `internal/a/b/c.go -rw-r--r-- "package c\n"`,
}

func TestWrite(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		prepare      func(dir string) error
	}{
		{"new", "x", nil},
		{"new with parents", "a/b/x", nil},
		{"some parents exist", "a/b/x", func(dir string) error { return os.Mkdir(filepath.Join(dir, "a"), 0o755) }},
		{"empty directory", "x", func(dir string) error { return os.Mkdir(filepath.Join(dir, "x"), 0o700) }},
		{"link to an empty directory", "link", func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "x"), 0o755), os.Symlink("x", filepath.Join(dir, "link")))
		}},
		{"something left over", "x", func(dir string) error {
			return os.MkdirAll(filepath.Join(dir, tempPrefix+"0123456789abcdef", "y"), 0o755)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.prepare != nil {
				if err := tt.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			target := filepath.Join(dir, filepath.FromSlash(tt.target))
			if err := Write(t.Context(), sample(), target); err != nil {
				t.Fatal(err)
			}
			resolved, err := filepath.EvalSymlinks(target)
			if err != nil {
				t.Fatal(err)
			}
			if got := list(t, resolved); !slices.Equal(got, whole) {
				t.Errorf("got %s\nwant %s", got, whole)
			}
			if left := leftovers(t, dir); len(left) > 0 {
				t.Errorf("%s was left", left)
			}
		})
	}
}

// TestWriteKeepsTheDirectorysMode proves that an empty directory which nobody
// else may read does not become one that everybody may.
func TestWriteKeepsTheDirectorysMode(t *testing.T) {
	target := filepath.Join(t.TempDir(), "x")
	if err := errors.Join(os.Mkdir(target, 0o700), Write(t.Context(), sample(), target)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestErrorLeavesNothing lets each step fail in turn, as on a full disk.
func TestErrorLeavesNothing(t *testing.T) {
	steps := countSteps(t)
	for n := range steps {
		dir := t.TempDir()
		done := 0
		w := writer{step: func(string) error {
			if done++; done > n {
				return syscall.ENOSPC
			}
			return nil
		}}
		if err := w.write(sample(), filepath.Join(dir, "a", "x")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("step %d: %v", n, err)
		}
		if left := list(t, dir); len(left) > 0 {
			t.Errorf("step %d left %s", n, left)
		}
	}
}

func countSteps(t *testing.T) int {
	t.Helper()
	steps := 0
	w := writer{step: func(string) error { steps++; return nil }}
	if err := w.write(sample(), filepath.Join(t.TempDir(), "x")); err != nil {
		t.Fatal(err)
	}
	if steps < len(sample().Files)+2 {
		t.Fatalf("%d steps", steps)
	}
	return steps
}

// TestCancel proves that a canceled context stops the writing, and that after
// the rename it does not undo it.
func TestCancel(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, sample(), filepath.Join(dir, "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := list(t, dir); len(left) > 0 {
		t.Errorf("left %s", left)
	}
}

// TestKilled kills a process before each of its steps, whatever it is about to
// do: there is nothing then but a directory that the next Write sweeps away.
func TestKilled(t *testing.T) {
	if target := os.Getenv("FORGE_TEST_KILLED"); target != "" {
		killAtStep(t, target)
		return
	}
	for n := range countSteps(t) {
		dir := t.TempDir()
		target := filepath.Join(dir, "x")
		if n%2 == 1 {
			if err := os.Mkdir(target, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "FORGE_TEST_KILLED="+target, "FORGE_TEST_STEP="+strconv.Itoa(n))
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("step %d: the process was not killed: %v\n%s", n, err, out)
		}
		if _, err := os.ReadDir(target); err == nil {
			if left := list(t, target); len(left) > 0 {
				t.Errorf("step %d: half a tree: %s", n, left)
			}
		}
		if err := Write(t.Context(), sample(), target); err != nil {
			t.Errorf("step %d: the next run: %v", n, err)
		}
		if got := list(t, target); !slices.Equal(got, whole) {
			t.Errorf("step %d: the next run wrote %s", n, got)
		}
		if left := leftovers(t, dir); len(left) > 0 {
			t.Errorf("step %d: the next run left %s", n, left)
		}
	}
}

func killAtStep(t *testing.T, target string) {
	n, err := strconv.Atoi(os.Getenv("FORGE_TEST_STEP"))
	if err != nil {
		t.Fatal(err)
	}
	w := writer{step: func(string) error {
		if n--; n < 0 {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			if err := self.Kill(); err != nil {
				return err
			}
			select {} // the signal is on its way
		}
		return nil
	}}
	t.Errorf("survived: %v", w.write(sample(), target))
}

// TestTwoAtOnce proves that a run does not sweep away what another is writing,
// and that one of two with the same target is refused.
func TestTwoAtOnce(t *testing.T) {
	dir := t.TempDir()
	inner := errors.New("inner did not run")
	outer := writer{step: func(what string) error {
		if what == "empty" { // in the middle
			inner = Write(t.Context(), sample(), filepath.Join(dir, "x"))
		}
		return nil
	}}.write(sample(), filepath.Join(dir, "x"))
	if inner != nil {
		t.Errorf("the inner run: %v", inner)
	}
	var refused *TargetError
	if !errors.As(outer, &refused) || !strings.Contains(refused.Reason, "not empty") {
		t.Errorf("the outer run: %v", outer)
	}
	if got := list(t, filepath.Join(dir, "x")); !slices.Equal(got, whole) {
		t.Errorf("got %s", got)
	}
	if left := leftovers(t, dir); len(left) > 0 {
		t.Errorf("%s was left", left)
	}
}

// TestPathsStayInside proves that no path of a tree leads out of the target.
func TestPathsStayInside(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"../out", "a/../../out"} {
		err := Write(t.Context(), &Tree{Files: []File{{Path: path, Mode: 0o644}}}, filepath.Join(dir, "x"))
		if err == nil {
			t.Errorf("%s was written", path)
		}
		if _, err := os.Lstat(filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s led out", path)
		}
		if err := os.RemoveAll(filepath.Join(dir, "x")); err != nil {
			t.Fatal(err)
		}
	}
}
