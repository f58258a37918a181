package main

import (
	"bytes"
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

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// changesOfProjects are the commands that are cut, each with those that make the
// project what it needs.
var changesOfProjects = []struct {
	name    string
	prepare [][]string
	args    []string
	every   int // which steps are tried, with -short; a command of many takes long
}{
	{"add", nil, []string{"add", "handler", "payments"}, 1},
	{"remove", [][]string{{"add", "handler", "payments"}}, []string{"remove", "handler", "payments"}, 1},
	{"undo", [][]string{{"add", "handler", "payments"}}, []string{"undo"}, 1},
	{"rename", [][]string{{"add", "handler", "payments"}}, []string{"rename", "handler", "orders", "purchases"}, 1},
	{"rename module", nil, []string{"rename", "module", "example.com/me/shop"}, 25},
	{"undo rename", [][]string{{"rename", "handler", "orders", "purchases"}}, []string{"undo"}, 5},
	{"add extra", nil, []string{"add", "avro"}, 15},
	{"remove extra", nil, []string{"remove", "docker", "github"}, 5},
}

// inProject runs forge in a project, in this process.
func inProject(t *testing.T, dir string, step func(string) error, args ...string) (code int, stderr string) {
	t.Helper()
	t.Chdir(dir)
	landingStep = step
	defer func() { landingStep = nil }()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, errs.String()
}

// snapshot is a project's files, with their modes and contents, but for what forge
// keeps in .forge beside the record.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && filepath.Base(filepath.Dir(rel)) == ".forge":
			return fs.SkipDir
		case d.IsDir():
			files[rel+"/"] = ""
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		files[rel] = fmt.Sprintf("%v %s", info.Mode(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// aProject is a project on the disk, the same each time, after some commands.
func aProject(t *testing.T, commands [][]string) string {
	t.Helper()
	tree, err := render.Render(template.FS, answers.Defaults("shop"), "(devel)")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range commands {
		if code, stderr := inProject(t, dir, nil, args...); code != exitOK {
			t.Fatal(args, stderr)
		}
	}
	return dir
}

// TestCommandsAreCut fails each command before each of its changes of the disk, as
// on a full one, and ends it there: the project is the old one or the new one after
// the next command.
func TestCommandsAreCut(t *testing.T) {
	for _, c := range changesOfProjects {
		t.Run(c.name, func(t *testing.T) {
			dir := aProject(t, c.prepare)
			before, steps := snapshot(t, dir), 0
			if code, stderr := inProject(t, dir, func(string) error { steps++; return nil }, c.args...); code != exitOK {
				t.Fatal(stderr)
			}
			after := snapshot(t, dir)
			if maps.Equal(before, after) || steps < 10 {
				t.Fatalf("%d steps", steps)
			}
			every := c.every
			if testing.Short() {
				every *= 5
			}
			for n := 0; n < steps; n += every {
				dir := aProject(t, c.prepare)
				code, stderr := inProject(t, dir, fullAt(n), c.args...)
				want := before
				if code == exitOK { // the last steps only clear away
					want = after
				}
				if got := snapshot(t, dir); !maps.Equal(got, want) {
					t.Fatalf("full at step %d: code %d, %s", n, code, stderr)
				}
				dir = aProject(t, c.prepare)
				cutAt(t, dir, n, c.args...)
				checkNext(t, dir, n, before, after)
			}
		})
	}
}

// fullAt lets the n-th step fail, and no other.
func fullAt(n int) func(string) error {
	return func(string) error {
		if n--; n == -1 {
			return syscall.ENOSPC
		}
		return nil
	}
}

// cutAt ends a command before its n-th step.
func cutAt(t *testing.T, dir string, n int, args ...string) {
	t.Helper()
	type end struct{}
	defer func() {
		if r := recover(); r != nil && r != (end{}) {
			panic(r)
		}
	}()
	inProject(t, dir, func(string) error {
		if n--; n < 0 {
			panic(end{})
		}
		return nil
	}, args...)
}

// checkNext runs the next command, after which all is old or all is new.
func checkNext(t *testing.T, dir string, step int, wanted ...map[string]string) {
	t.Helper()
	code, stderr := inProject(t, dir, nil, "status", "--quiet")
	got := snapshot(t, dir)
	if code != exitOK || !slices.ContainsFunc(wanted, func(want map[string]string) bool { return maps.Equal(got, want) }) {
		t.Fatalf("cut at step %d, the next command: code %d, %s", step, code, stderr)
	}
	entries, err := os.ReadDir(filepath.Join(dir, ".forge"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "project.yaml" && e.Name() != "undo" {
			t.Fatalf("cut at step %d, .forge has %s", step, e.Name())
		}
	}
}

// TestCommandsAreKilled kills processes.
func TestCommandsAreKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	forge := filepath.Join(t.TempDir(), "forge") // the test binary is forge by that name
	if err := os.Symlink(self, forge); err != nil {
		t.Fatal(err)
	}
	for _, c := range changesOfProjects {
		t.Run(c.name, func(t *testing.T) {
			dir := aProject(t, c.prepare)
			before := snapshot(t, dir)
			if code, stderr := inProject(t, dir, nil, c.args...); code != exitOK {
				t.Fatal(stderr)
			}
			after := snapshot(t, dir)
			every := c.every * 4
			if testing.Short() {
				every *= 5
			}
			for n := 0; ; n += every {
				dir := aProject(t, c.prepare)
				cmd := exec.Command(forge, c.args...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "FORGE_TEST_KILL="+strconv.Itoa(n))
				out, err := cmd.CombinedOutput()
				if cmd.ProcessState.Success() {
					if n == 0 {
						t.Fatal("it was not killed")
					}
					break
				}
				if cmd.ProcessState.Exited() {
					t.Fatalf("step %d: %v\n%s", n, err, out)
				}
				checkNext(t, dir, n, before, after)
			}
		})
	}
}
