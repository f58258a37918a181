package main

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/ouroboros-forge/forge/internal/answers"
	releases "github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// twoReleases cuts two releases, of which the second one changes, renames, removes
// and adds a file, and makes forge be the second.
func twoReleases(t testing.TB) (dir string, first fs.FS) {
	t.Helper()
	dir = t.TempDir()
	files := make(fstest.MapFS)
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(template.FS, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	cut := func(version string) {
		if err := releases.Cut(dir, version, files); err != nil {
			t.Fatal(err)
		}
	}
	cut("v0.1.0")
	const name = "docs/operating.md.tmpl"
	lines := strings.SplitAfter(string(files[name].Data), "\n")
	lines[11] = "theirs\n"
	files[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, ""))}
	files["docs/topics.md.tmpl"] = files["docs/handlers.md.tmpl"]
	delete(files, "docs/handlers.md.tmpl")
	delete(files, "Makefile")
	files["internal/new/new.go"] = &fstest.MapFile{Data: []byte("// Package new is new.\npackage new\n")}
	next := "renames:\n  - {from: docs/handlers.md, to: docs/topics.md}\ninterfaces: []\n"
	if err := os.WriteFile(filepath.Join(dir, "next.yaml"), []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	cut("v0.2.0")
	archive, err := releases.NewArchive(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	first, _, err = archive.Open("v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := archive.Open("v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	wasRelease, wasOwn, wasOpen := release, ownTemplate, openArchive
	t.Cleanup(func() { release, ownTemplate, openArchive = wasRelease, wasOwn, wasOpen })
	release, ownTemplate, openArchive = "v0.2.0", second, func() (*releases.Archive, error) { return archive, nil }
	return dir, first
}

// anOldProject is a project of the first release, with edits of its user's.
func anOldProject(t testing.TB, first fs.FS) string {
	t.Helper()
	return projectOf(t, first, "v0.1.0", "docs/operating.md", "docs/handlers.md")
}

// projectOf is a project made of a release's template, of which the user has edited files.
func projectOf(t testing.TB, tmpl fs.FS, version string, edited ...string) string {
	t.Helper()
	tree, err := render.Render(tmpl, answers.Defaults("shop"), version)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range edited {
		path := filepath.Join(dir, filepath.FromSlash(name))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append([]byte("mine\n"), text...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestUpdateIsCut does with update what TestCommandsAreCut and
// TestCommandsAreKilled do with the others.
func TestUpdateIsCut(t *testing.T) {
	dir, first := twoReleases(t)
	update := []string{"update", "--no-verify", "--quiet"}
	project := anOldProject(t, first)
	before, steps := snapshot(t, project), 0
	if code, stderr := inProject(t, project, func(string) error { steps++; return nil }, update...); code != exitOK || steps < 10 {
		t.Fatal(steps, stderr)
	}
	after := snapshot(t, project)
	check := func(project string, step int) {
		t.Helper()
		_, stderr := inProject(t, project, nil, "status", "--quiet")
		if got := snapshot(t, project); !maps.Equal(got, before) && !maps.Equal(got, after) {
			t.Fatalf("cut at step %d, the next command: %s", step, stderr)
		}
	}
	every := 1
	if testing.Short() {
		every = 5
	}
	for n := 0; n < steps; n += every {
		project := anOldProject(t, first)
		done := 0
		code, stderr := inProject(t, project, func(string) error {
			if done++; done == n+1 {
				return syscall.ENOSPC
			}
			return nil
		}, update...)
		want := before
		if code == exitOK {
			want = after
		}
		if !maps.Equal(snapshot(t, project), want) {
			t.Fatalf("full at step %d: code %d, %s", n, code, stderr)
		}
		project = anOldProject(t, first)
		cutAt(t, project, n, update...)
		check(project, n)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	forge := filepath.Join(t.TempDir(), "forge") // the test binary is forge by that name
	if err := os.Symlink(self, forge); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < steps; n += 4 * every {
		project := anOldProject(t, first)
		cmd := exec.Command(forge, update...)
		cmd.Dir, cmd.Env = project, append(os.Environ(), "FORGE_TEST_KILL="+strconv.Itoa(n), "FORGE_TEST_RELEASES="+dir, "FORGE_TEST_RELEASE=v0.2.0")
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("step %d: it was not killed: %v %s", n, err, out)
		}
		check(project, n)
	}
}

// BenchmarkUpdate runs `forge update --no-verify` as a process: of a project of the
// release before the last, of which the user has edited a file, by a built forge; and by
// the test's binary, which is larger, of one whose next release changes five files, of
// which the user has edited two.
//
//	go test -run '^$' -bench Update -benchtime 60x ./cmd/forge
func BenchmarkUpdate(b *testing.B) {
	b.Run("last", func(b *testing.B) {
		archive, err := releases.Embedded()
		if err != nil {
			b.Fatal(err)
		}
		versions := archive.Versions()
		version := versions[len(versions)-2]
		tmpl, _, err := archive.Open(version)
		if err != nil {
			b.Fatal(err)
		}
		forge := builtForge(b, b.TempDir(), "-X=main.release="+archive.Latest())
		measure(b, copyOf(b, projectOf(b, tmpl, version, "docs/operating.md")), forge, "update", "--no-verify")
	})
	b.Run("five-files", func(b *testing.B) {
		dir, first := twoReleases(b)
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		forge := filepath.Join(b.TempDir(), "forge")
		if err := os.Symlink(self, forge); err != nil {
			b.Fatal(err)
		}
		b.Setenv("FORGE_TEST_RELEASES", dir)
		b.Setenv("FORGE_TEST_RELEASE", "v0.2.0")
		measure(b, copyOf(b, anOldProject(b, first)), forge, "update", "--no-verify")
	})
}

// copyOf returns what copies a project into a directory.
func copyOf(b *testing.B, original string) func(work string) {
	return func(work string) {
		if out, err := exec.Command("cp", "-r", original+"/.", work).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
}
