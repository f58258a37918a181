package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ouroboros-forge/forge/internal/project"
	releases "github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/template"
)

// cut VERSION [EDITS [NEXT]]: cuts a release into $WORK/releases: the release
// before it, at first the template, with edits, a line each:
//
//	set PATH LINE TEXT    a line gets another text
//	add PATH TEXT         a file, or a line at a file's end
//	move PATH NEW         a file gets another name
//	delete PATH
//
// NEXT is a file with what the release declares.
func cutRelease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: cut version [edits [next]]")
	}
	dir := filepath.Join(ts.Getenv("WORK"), "releases")
	ts.Check(os.MkdirAll(dir, 0o755))
	archive, err := releases.NewArchive(os.DirFS(dir))
	ts.Check(err)
	base := template.FS
	if last := archive.Latest(); last != "" {
		base, _, err = archive.Open(last)
		ts.Check(err)
	}
	files := make(fstest.MapFS)
	ts.Check(fs.WalkDir(base, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(base, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	}))
	if len(args) > 1 {
		for line := range strings.Lines(ts.ReadFile(args[1])) {
			edit(ts, files, strings.TrimSuffix(line, "\n"))
		}
	}
	if len(args) > 2 {
		ts.Check(os.WriteFile(filepath.Join(dir, "next.yaml"), []byte(ts.ReadFile(args[2])), 0o600))
	}
	ts.Check(releases.Cut(dir, args[0], files))
}

func edit(ts *testscript.TestScript, files fstest.MapFS, line string) {
	words := strings.SplitN(line, " ", 3)
	name := words[1]
	file := files[name]
	if file == nil {
		if words[0] != "add" {
			ts.Fatalf("%s: there is no such file", line)
		}
		file = &fstest.MapFile{}
		files[name] = file
	}
	switch words[0] {
	case "set":
		number, text, _ := strings.Cut(words[2], " ")
		file.Data = []byte(withLine(ts, string(file.Data), number, text))
	case "add":
		file.Data = []byte(string(file.Data) + words[2] + "\n")
	case "move":
		files[words[2]] = file
		delete(files, name)
	case "delete":
		delete(files, name)
	default:
		ts.Fatalf("%s: no such edit", line)
	}
}

// setline FILE LINE TEXT: a line of a file gets another text.
func setLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: setline file line text")
	}
	text := withLine(ts, ts.ReadFile(args[0]), args[1], args[2])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// claim PROJECT FILE: the record says that forge wrote the file as it is.
func claim(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: claim project file")
	}
	root := ts.MkAbs(args[0])
	record, err := project.Load(root)
	ts.Check(err)
	content, err := os.ReadFile(filepath.Join(root, args[1]))
	ts.Check(err)
	for i, f := range record.Files {
		if f.Path == args[1] {
			record.Files[i].SHA256 = project.Sum(content)
		}
	}
	text, err := record.Marshal()
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(root, filepath.FromSlash(project.Path)), text, 0o644))
}

func withLine(ts *testscript.TestScript, text, number, line string) string {
	n, err := strconv.Atoi(number)
	ts.Check(err)
	lines := strings.SplitAfter(text, "\n")
	if n < 1 || n >= len(lines) {
		ts.Fatalf("%d is no line of a text of %d lines", n, len(lines)-1)
	}
	lines[n-1] = fmt.Sprintln(line)
	return strings.Join(lines, "")
}
