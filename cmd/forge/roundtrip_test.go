package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestThereAndBack proves on the disk that add and undo, and add and remove, give
// back each byte and mode, whatever the user has written into handlers.go.
func TestThereAndBack(t *testing.T) {
	dir := aProject(t, nil)
	handlers := filepath.Join(dir, "handlers", "handlers.go")
	text, err := os.ReadFile(handlers)
	if err != nil {
		t.Fatal(err)
	}
	pieces := []string{"\t// a comment\n", "\n", "\tif d.Log != nil {\n\t\td.Log.Info(\"x\")\n\t}\n", "\tmessage.Register(r, \"own\", NewOwn(d.Log)) // mine\n", "  x( )\n"}
	forge := func(args ...string) {
		t.Helper()
		if code, stderr := inProject(t, dir, nil, args...); code != exitOK {
			t.Fatalf("forge %s: %s", strings.Join(args, " "), stderr)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		lines := strings.SplitAfter(string(text), "\n")
		for range rapid.IntRange(0, 4).Draw(r, "edits") {
			at := rapid.IntRange(19, len(lines)-2).Draw(r, "line") // in Register
			lines = slices.Insert(lines, at, rapid.SampledFrom(pieces).Draw(r, "piece"))
		}
		if err := os.WriteFile(handlers, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
		topics := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"payments", "1st.topic_X-y", "handlers"}), 1, 2, rapid.ID[string]).Draw(r, "topics")
		before := snapshot(t, dir)
		add := append([]string{"add", "handler"}, topics...)
		forge(add...)
		if maps.Equal(snapshot(t, dir), before) {
			r.Fatal("nothing was added")
		}
		forge("undo")
		if !maps.Equal(snapshot(t, dir), before) {
			r.Fatal("undone, it is another project")
		}
		forge(add...)
		forge(append([]string{"remove", "handler"}, topics...)...)
		if !maps.Equal(snapshot(t, dir), before) {
			r.Fatal("removed, it is another project")
		}
	})
}

// TestRenamedAndBack proves on the disk what the tests of package plan prove of all
// edits in memory: rename and undo, and rename there and back, give back each byte
// and mode.
func TestRenamedAndBack(t *testing.T) {
	dir := aProject(t, [][]string{{"add", "handler", "refunds"}, {"add", "http"}})
	forge := func(want int, args ...string) {
		t.Helper()
		if code, stderr := inProject(t, dir, nil, args...); code != want {
			t.Fatalf("forge %s: %d %s", strings.Join(args, " "), code, stderr)
		}
	}
	for i, name := range []string{"handlers/handlers.go", "handlers/orders.go", "handlers/orders_test.go", "models/orders.go", "web/orders.go", "dev/samples/orders.json", "README.md"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		mode := []os.FileMode{0o644, 0o600, 0o666}[i%3] // the last is more than the umask lets through
		err = errors.Join(os.WriteFile(path, append(text, "\n// orders of example.com/shop\n"...), mode), os.Chmod(path, mode))
		if err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, dir)
	for _, c := range []struct {
		there, back []string
		code        int // what names the topic in README.md, or the module in comments, is left to the user
	}{
		{[]string{"rename", "handler", "orders", "1st.topic_X-y"}, []string{"rename", "handler", "1st.topic_X-y", "orders"}, exitLeft},
		{[]string{"rename", "handler", "orders", "ORDERS"}, []string{"rename", "handler", "ORDERS", "orders"}, exitLeft},
		{[]string{"rename", "module", "github.com/me/shop"}, []string{"rename", "module", "example.com/shop"}, exitLeft},
	} {
		forge(c.code, c.there...)
		if maps.Equal(snapshot(t, dir), before) {
			t.Fatal("nothing was renamed")
		}
		forge(exitOK, "undo")
		if !maps.Equal(snapshot(t, dir), before) {
			t.Fatal("undone, it is another project")
		}
		forge(c.code, c.there...)
		forge(exitOK, "status", "--quiet")
		forge(exitOK, c.back...)
		if !maps.Equal(snapshot(t, dir), before) {
			t.Fatal("renamed back, it is another project")
		}
	}
}
