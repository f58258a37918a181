package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	aTree  = regexp.MustCompile(`(?m)^[^\s├└]+\n(├── .*\n)+└── .*\n`)
	aCount = regexp.MustCompile(`\d+ (ms|files)`)
)

// trees are the trees of files that a text shows, without counts and times.
func trees(text []byte) (all []string) {
	for _, tree := range aTree.FindAll(text, -1) {
		all = append(all, aCount.ReplaceAllString(string(tree), "n $1"))
	}
	return all
}

// The README shows trees as forge prints them.
func TestTheREADMEsTreesAreAsPrinted(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := trees(readme)
	schema := regexp.MustCompile(`(?s)\{"type": "record", "name": "OrderPlaced".*?\n\]\}\n`).Find(readme)
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.WriteFile("order.avsc", schema, 0o600), os.WriteFile("payment.avsc", schema, 0o600)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	forge := func(args ...string) {
		t.Helper()
		var errs bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != exitOK {
			t.Fatal(args, errs.String())
		}
	}
	forge("new", "my-service", "--no-input")
	forge("new", "shop", "--schema", "orders=order.avsc", "--with", "avro,http", "--no-input")
	if err := os.RemoveAll("shop"); err != nil {
		t.Fatal(err)
	}
	printed := trees(out.Bytes())
	forge("new", "shop", "--no-input")
	t.Chdir("shop")
	out.Reset()
	for name, text := range map[string]string{"handlers/handlers.go": "\n// mine\n", "compose.yaml": "# mine\n"} {
		file, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	forge("add", "handler", "payments", "--schema", "../payment.avsc")
	for _, tree := range append(printed, trees(out.Bytes())...) {
		if !strings.Contains(strings.Join(shown, "\n"), tree) {
			t.Errorf("README.md does not show\n%s\nbut\n%s", tree, strings.Join(shown, "\n"))
		}
	}
}

// What is printed to a pipe or a file is not cut to the width of a window.
func TestATreeIsWholeWhereThereIsNoWindow(t *testing.T) {
	long := strings.Repeat("long ", 60) + "end"
	if text := (terminal{stdout: new(bytes.Buffer)}).tree("shop", []row{{"~", "a", long}}); !strings.Contains(text, long) {
		t.Error(text)
	}
}
