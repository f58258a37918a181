package rename

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// orderIn is a module with the model Order, which gets the name Purchase, and files.
func orderIn(files map[string]string) Module {
	m := Module{
		Path: "example.com/shop", Files: map[string][]byte{"models/orders.go": []byte("package models\n\ntype Order int\n")},
		Packages: []Package{{Dir: "models", Names: map[string]string{"Order": "Purchase"}}},
	}
	for name, src := range files {
		m.Files[name] = []byte(src)
	}
	return m
}

const embeds = "package a\n\nimport \"example.com/shop/models\"\n\ntype Big struct{ models.Order }\n"

func TestProblemsComeInTheOrderOfTheFile(t *testing.T) {
	var b strings.Builder
	b.WriteString(embeds)
	for i := range 6 {
		fmt.Fprintf(&b, "var _ = Big{\n\tOrder: %d,\n}\n", i)
	}
	m := orderIn(map[string]string{"a/a.go": b.String()})
	_, first := m.Rename()
	for range 20 {
		if _, again := m.Rename(); len(first) == 0 || !reflect.DeepEqual(first, again) {
			t.Fatalf("%v, and then %v", first, again)
		}
	}
}

// A name of another package is no field, whatever the version in its path.
func TestAPackageWithAVersionIsNoValueWithAField(t *testing.T) {
	for _, path := range []string{"github.com/foo/bar/v2", "gopkg.in/bar.v3"} {
		m := orderIn(map[string]string{"a/a.go": embeds, "b/b.go": "package b\n\nimport \"" + path + "\"\n\nvar X bar.Order\n"})
		if _, problems := m.Rename(); len(problems) > 0 {
			t.Errorf("%s: %v", path, problems)
		}
	}
}

// A file that is never built with the others does not hide their package.
func TestAFileOfAnotherPackageHidesNoPackage(t *testing.T) {
	m := orderIn(map[string]string{
		"models/gen.go": "//go:build ignore\n\npackage main\n\nfunc main() {}\n",
		"a/a.go":        "package a\n\nimport \"example.com/shop/models\"\n\nvar X models.Order\n",
	})
	if edits, problems := m.Rename(); len(edits["a/a.go"]) == 0 {
		t.Errorf("a/a.go still uses models.Order: %v", problems)
	}
}
