package render

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

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
