package shop

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/internal/project"
)

// added are the files of project/ that have no more than what the user added to
// forge's.
var added = []string{"go.mod", "go.sum", ".env.example"}

// journey is how a user comes to the shop: it begins with one topic whose name is
// not the last one yet, and becomes what it is step by step.
var journey = [][]string{
	{"new", "shop", "--topics", "purchases", "--without", "docker,github", "--no-input"},
	{"rename", "handler", "purchases", "orders"},
	{"add", "handler", "payments"},
	{"add", "docker"},
	{"rename", "module", "github.com/somebody/shop"},
	{"add", "github"},
}

// atOnce is the same by one command.
var atOnce = []string{"new", "shop", "--module", "github.com/somebody/shop", "--topics", "orders,payments"}

// made runs the commands of the journey, and returns the directory of the service.
func made(t *testing.T, source, broker string) string {
	t.Helper()
	out := t.TempDir()
	dir := filepath.Join(out, "shop")
	for i, args := range journey {
		in := dir
		if i == 0 {
			in, args = out, append(slices.Clone(args), "--source", source, "--brokers", broker)
		}
		generated.Do(t, in, generated.Forge(t), args...)
	}
	return dir
}

// TestMadeByCommandsAlone proves that the shop of all steps is the one that forge
// writes at once, to the byte, its record too; and that it is in step.
func TestMadeByCommandsAlone(t *testing.T) {
	const broker = "localhost:9092"
	dir, other := made(t, "kafka", broker), t.TempDir()
	generated.Do(t, other, generated.Forge(t), append(slices.Clone(atOnce), "--brokers", broker)...)
	got, want := contents(t, dir), contents(t, filepath.Join(other, "shop"))
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is\n%s\nwritten at once it is\n%s", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, written at once %d", len(got), len(want))
	}
	generated.Do(t, dir, generated.Forge(t), "status")
}

// TestRenamedWithWhatTheUserWrote proves that a topic of the shop gets another name in
// all that its user wrote, builds, and gets its old name back to the byte.
func TestRenamedWithWhatTheUserWrote(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	dir := newShop(t, "kafka", "localhost:9092")
	before := contents(t, dir)
	forge := generated.Forge(t)
	// A comment of .env.example speaks of payments: it is listed, and left.
	left := generated.Leaves(t, dir, forge, "rename", "handler", "payments", "charges")
	if want := "line 34: # where payments are captured"; !strings.Contains(left, want) {
		t.Errorf("it does not say %q:\n%s", want, left)
	}
	generated.Do(t, dir, forge, "rename", "module", "example.com/shop")
	generated.Do(t, dir, "go", "vet", "./...")
	generated.Do(t, dir, "go", "test", "-short", "./...")
	generated.Do(t, dir, forge, "rename", "module", "github.com/somebody/shop")
	generated.Do(t, dir, forge, "rename", "handler", "charges", "payments")
	for name, text := range contents(t, dir) {
		if before[name] != text {
			t.Errorf("%s is\n%s\nand was\n%s", name, text, before[name])
		}
	}
}

// TestMovedToAnotherSource proves that the shop gets another source by one command, with
// all that its user wrote as it was, builds, passes its user's tests, and comes back to
// the byte.
func TestMovedToAnotherSource(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	dir := newShop(t, "kafka", "localhost:9092")
	before := contents(t, dir)
	forge := generated.Forge(t)
	generated.Leaves(t, dir, forge, "add", "jetstream") // go.sum has lines of the libraries that go
	users := os.DirFS("project")
	err := fs.WalkDir(users, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !slices.Contains(added, name) && contents(t, dir)[name] != before[name] {
			t.Errorf("%s is changed", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	generated.Do(t, dir, "go", "mod", "tidy")
	generated.Do(t, dir, "go", "vet", "./...")
	generated.Do(t, dir, "go", "test", "-short", "./...")
	generated.Leaves(t, dir, forge, "add", "kafka")
	generated.Do(t, dir, "go", "mod", "tidy")
	for name, text := range contents(t, dir) {
		if before[name] != text && (name != "go.mod" || !slices.Equal(requirements(before[name]), requirements(text))) {
			t.Errorf("%s is\n%s\nand was\n%s", name, text, before[name])
		}
	}
}

// requirements are what a go.mod requires, in whichever blocks.
func requirements(goMod string) (all []string) {
	for line := range strings.Lines(goMod) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "require ")); strings.Contains(line, " v") {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

// contents are the files below a directory, with their modes.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, ".forge/undo/") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[name] = info.Mode().String() + "\n" + read(t, filepath.Join(dir, filepath.FromSlash(name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// newShop returns the directory of the service: what forge's commands write, and
// over it what the user wrote.
func newShop(t *testing.T, source, broker string) string {
	t.Helper()
	dir := made(t, source, broker)
	layOver(t, dir)

	appendTo(t, filepath.Join(dir, ".env.example"), read(t, "project/.env.example"))
	appendTo(t, filepath.Join(dir, "go.sum"), read(t, "project/go.sum"))
	var mod struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal([]byte(generated.Do(t, "project", "go", "mod", "edit", "-json")), &mod); err != nil {
		t.Fatal(err)
	}
	for _, m := range mod.Require {
		generated.Do(t, dir, "go", "mod", "edit", "-require="+m.Path+"@"+m.Version)
	}
	generated.Do(t, dir, "go", "mod", "tidy")
	return dir
}

// layOver copies the user's files. None may be one that forge manages.
func layOver(t *testing.T, dir string) {
	t.Helper()
	record, err := project.Parse([]byte(read(t, filepath.Join(dir, project.Path))))
	if err != nil {
		t.Fatal(err)
	}
	managed := map[string]bool{}
	for _, f := range record.Files {
		managed[f.Path] = f.Owner == project.Managed
	}
	users := os.DirFS("project")
	err = fs.WalkDir(users, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(added, path) {
			return err
		}
		if managed[path] {
			t.Errorf("%s is managed by forge, and a user had to change it", path)
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(read(t, filepath.Join("project", path))), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(read(t, file)+text), 0o600); err != nil {
		t.Fatal(err)
	}
}
