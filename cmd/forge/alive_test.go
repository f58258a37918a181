package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestChangedProjectWorks builds, vets and tests a project that its user has
// edited, after one change and another.
func TestChangedProjectWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and tests a service")
	}
	dir := aProject(t, nil)
	forge := func(args ...string) {
		t.Helper()
		if code, stderr := inProject(t, dir, nil, args...); code != exitOK {
			t.Fatalf("forge %s: %s", strings.Join(args, " "), stderr)
		}
	}
	edit := func(name, old, with string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatal(name, "has no", old, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, with, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	works := func(what string) {
		t.Helper()
		for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "./..."}} {
			cmd := exec.Command("go", args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: go %s: %v\n%s", what, strings.Join(args, " "), err, out)
			}
		}
	}
	schema := filepath.Join(t.TempDir(), "payment.avsc")
	const text = `{"type": "record", "name": "PaymentMade", "fields": [{"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}`
	if err := os.WriteFile(schema, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}

	edit("handlers/handlers.go", "type Deps struct {\n", "type Deps struct {\n\tLimit *float64 // of the user's\n")
	edit("handlers/handlers.go", "NewOrders(d.Log)", "NewOrders(d.Log) /* mine */")
	edit("app/app.go", "\thandlers.Register(", "\td.Limit = cmp.Or(d.Limit, new(float64))\n\thandlers.Register(")
	edit("README.md", "# shop\n", "# The shop\n")
	before := make(map[string]string)
	for _, name := range []string{"handlers/handlers.go", "app/app.go", "README.md", "compose.yaml", "go.mod", ".env", ".forge/project.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = string(text)
	}
	forge("add", "handler", "payments", "--schema", schema)
	forge("add", "http")
	forge("add", "avro", "batch")
	forge("add", "handler", "refunds")
	works("with avro and http")
	forge("rename", "handler", "payments", "billing.invoices")
	forge("rename", "handler", "orders", "purchases")
	forge("rename", "module", "github.com/me/shop")
	forge("status")
	works("renamed")
	forge("rename", "module", "example.com/shop")
	forge("rename", "handler", "purchases", "orders")
	forge("rename", "handler", "billing.invoices", "payments")
	forge("remove", "http", "batch")
	forge("remove", "handler", "refunds")
	works("with avro")
	forge("remove", "avro")
	forge("remove", "handler", "payments")
	for name, want := range before {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || string(text) != want {
			t.Errorf("%s is not as it was: %v\n%s", name, err, text)
		}
	}
}
