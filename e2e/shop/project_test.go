package shop

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/internal/project"
)

// added are the files of project/ that have no more than what the user added to
// forge's.
var added = []string{"go.mod", "go.sum", ".env.example"}

// newShop returns the directory of the service: what forge writes, and over it
// what the user wrote.
func newShop(t *testing.T, broker string) string {
	t.Helper()
	out := t.TempDir()
	generated.Do(t, out, generated.Forge(t), "new", "shop", "--module", "github.com/somebody/shop", "--topics", "orders,payments", "--brokers", broker)
	dir := filepath.Join(out, "shop")
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
