package main

import (
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
