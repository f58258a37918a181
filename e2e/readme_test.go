package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// TestTheDatabaseOfTheReadmeIsInOrder proves that a service is built, linted and tidy with
// the code and the command of the README's section on databases as they stand there, and
// that its samples run in the workflow with what the README says.
func TestTheDatabaseOfTheReadmeIsInOrder(t *testing.T) {
	dir := generated.Project(t, generated.AnswerSet{Args: []string{"--with", "http"}})
	module := strings.TrimSpace(generated.Do(t, dir, "go", "list", "-m"))
	handlers, app := databaseCode(t, dir)
	imported := regexp.MustCompile(`(?m)^//\t(_ ".*" // .*)$`).FindStringSubmatch(app)
	if imported == nil {
		t.Fatalf("no driver is imported in\n%s", app)
	}
	edit(t, dir, "handlers/handlers.go", strings.NewReplacer(
		block(t, dir, "handlers/handlers.go", "type Deps struct {"), block(t, "", handlers, "type Deps struct {")+"\n// Store is where orders are kept.\ntype Store any\n"))
	edit(t, dir, "app/app.go", strings.NewReplacer(
		block(t, dir, "app/app.go", "type Settings struct {"), block(t, "", app, "type Settings struct {"),
		block(t, dir, "app/app.go", "func (a App) Build("), block(t, "", app, "func (a App) Build("),
		"\t\"context\"\n", "\t\"context\"\n\t\"database/sql\"\n\n\t"+imported[1]+"\n",
		"/handlers\"\n", "/handlers\"\n\t\""+module+"/internal/config\"\n",
		"/internal/service\"\n", "/internal/service\"\n\t\""+module+"/store\"\n"))
	write(t, dir, "store/store.go", "// Package store keeps orders.\npackage store\n\nimport \"database/sql\"\n\n"+
		"// Store keeps orders in a database.\ntype Store struct{ *sql.DB }\n\n// New returns the store of a database.\nfunc New(db *sql.DB) *Store { return &Store{db} }\n")

	command := regexp.MustCompile("\\*\\*A library\\*\\*.*import it, then `([a-z ]+)`").FindStringSubmatch(read(t, dir, "README.md"))
	if command == nil {
		t.Fatal("the README does not say how a library is added")
	}
	words := strings.Fields(command[1])
	generated.Do(t, dir, words[0], words[1:]...)
	generated.Do(t, dir, "go", "mod", "tidy", "-diff") // as the workflow does
	generated.Do(t, dir, "go", "vet", "./...")
	lint(t, dir)

	if !regexp.MustCompile("(?m)^- \\*\\*In CI\\*\\*, `go run ./dev -once` .*`services:`.*`DATABASE_URL` in `env:`").MatchString(read(t, dir, "README.md")) {
		t.Error("the README does not say what the workflow needs")
	}
	t.Setenv("DATABASE_URL", "postgres://127.0.0.1:1/orders")
	generated.Do(t, dir, "go", "run", "./dev", "-once")
}

// databaseCode returns what the README's section has for the two files.
func databaseCode(t *testing.T, dir string) (handlers, app string) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, dir, "README.md"), "\n## Giving a handler a database\n")
	_, code, _ := strings.Cut(section, "```go\n")
	code, _, _ = strings.Cut(code, "```\n")
	handlers, app, ok := strings.Cut(code, "// app/app.go")
	if !ok {
		t.Fatalf("the README has no code for app/app.go in\n%s", section)
	}
	return handlers, app
}

// block returns the declaration that begins so, of a file or, with no dir, of a text.
func block(t *testing.T, dir, text, begin string) string {
	t.Helper()
	if dir != "" {
		text = read(t, dir, text)
	}
	_, rest, ok := strings.Cut(text, begin)
	body, _, closed := strings.Cut(rest, "\n}\n")
	if !ok || !closed {
		t.Fatalf("no %q in\n%s", begin, text)
	}
	return begin + body + "\n}\n"
}

func edit(t *testing.T, dir, name string, r *strings.Replacer) {
	t.Helper()
	write(t, dir, name, r.Replace(read(t, dir, name)))
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
