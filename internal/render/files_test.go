package render

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/template"
)

// TestTablesNameFiles proves that every entry of the tables in files.go is there
// for some file of the template.
func TestTablesNameFiles(t *testing.T) {
	var names []string
	err := fs.WalkDir(template.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			for _, target := range targets(path.Base(name)) {
				names = append(names, path.Join(path.Dir(name), target))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	patterns := slices.Clone(userFiles)
	for _, room := range rooms {
		patterns = append(patterns, room.path)
	}
	for _, pattern := range patterns {
		if !slices.ContainsFunc(names, func(name string) bool { return matches(pattern, name) }) {
			t.Errorf("no file of the template is %s: take it out of files.go", strings.TrimSuffix(pattern, "*"))
		}
	}
}

// TestTheTemplateKnowsAllParts proves that of each source and each extra a file is there,
// by which an older template is told from one that knows them.
func TestTheTemplateKnowsAllParts(t *testing.T) {
	for _, source := range answers.Sources() {
		is := answers.Answers{Source: source}
		for _, e := range answers.Extras() {
			is.With = append(is.With, e.Name)
		}
		if unknown, err := Unknown(template.FS, answers.Answers{}, is); err != nil || len(unknown) > 0 {
			t.Errorf("%s: %v, %v", source, unknown, err)
		}
		none := fstest.MapFS{"main.go": {}}
		if unknown, err := Unknown(none, answers.Answers{}, is); err != nil || len(unknown) != len(is.With)+1 {
			t.Errorf("of nothing: %v, %v", unknown, err)
		}
	}
}
