package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatusAgreesWithUpdate proves that status exits 0 exactly where update changes
// nothing, the record neither, whatever the user has made of the files, and of what an
// update has left.
func TestStatusAgreesWithUpdate(t *testing.T) {
	_, first := twoReleases(t)
	edit := func(name, old, now string) func(string) { return editFile(t, name, old, now) }
	put := func(name, text string) func(string) { return putFile(t, name, text) }
	cut := func(name string) func(dir string) {
		return func(dir string) {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				t.Fatal(err)
			}
		}
	}
	update := func(dir string) { inProject(t, dir, nil, "update", "--no-verify") }
	for name, does := range map[string][]func(dir string){
		"behind":                                    {},
		"in step":                                   {update},
		"in step, with edits":                       {update, edit("internal/new/new.go", "new\n", "mine\n"), edit("main.go", "package", "// mine\npackage"), cut("docs/topics.md")},
		"in step, and nothing of this":              {update, cut("main.go"), put("mine/x.go", "package mine\n")},
		"a conflict to come":                        {edit("Makefile", "\n", "\nmine\n")},
		"a conflict left":                           {edit("Makefile", "\n", "\nmine\n"), update},
		"a conflict put right":                      {edit("Makefile", "\n", "\nmine\n"), update, cut("Makefile.forge-deleted")},
		"a note in a hidden directory":              {update, put(".idea/x.forge-new", "")},
		"markers in a file":                         {update, put("internal/new/new.go", "<<<<<<< yours\n||||||| base\n=======\n>>>>>>> theirs\n")},
		"markers in a file of the user":             {update, put("main.go", "<<<<<<< yours\n||||||| base\n=======\n>>>>>>> theirs\n")},
		"a record of the version before":            {update, edit(".forge/project.yaml", "forge: v0.2.0", "forge: v0.1.0")},
		"a record that lacks a file":                {update, edit(".forge/project.yaml", `"Dockerfile"`, `"Dockerfile.old"`)},
		"a record that lacks a file, which is gone": {update, cut("main.go"), edit(".forge/project.yaml", `"main.go"`, `"main.old"`)},
	} {
		dir := anOldProject(t, first)
		for _, do := range does {
			do(dir)
		}
		before := snapshot(t, dir)
		status, _ := inProject(t, dir, nil, "status", "--quiet")
		dry, _ := inProject(t, dir, nil, "update", "--dry-run", "--quiet")
		if !maps.Equal(snapshot(t, dir), before) {
			t.Errorf("%s: looking at it has changed it", name)
		}
		code, stderr := inProject(t, dir, nil, "update", "--no-verify")
		changesNothing := code == exitOK && maps.Equal(snapshot(t, dir), before)
		if (status == exitOK) != changesNothing || status != exitOK && status != exitLeft {
			t.Errorf("%s: status exits %d, update %d, and changes nothing: %t; %s", name, status, code, changesNothing, stderr)
		}
		if dry != code {
			t.Errorf("%s: a dry run exits %d, the update %d: %s", name, dry, code, stderr)
		}
	}
}

// editFile returns what puts now in the place of the first old in a file.
func editFile(t *testing.T, name, old, now string) func(dir string) {
	return func(dir string) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), old) {
			t.Fatalf("%s has no %q: %v", name, old, err)
		}
		putFile(t, name, strings.Replace(string(text), old, now, 1))(dir)
	}
}

// putFile returns what writes a file.
func putFile(t *testing.T, name, text string) func(dir string) {
	return func(dir string) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What cannot be read for its permissions is in no version control's hands.
func TestHintOfPermissions(t *testing.T) {
	if hint := readHint(&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, recordHint); hint != "check its permissions" {
		t.Error(hint)
	}
}
