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

// A key of a map or an array is no field, also where the literal leaves its type to
// the one around.
func TestAMapsKeyIsNoField(t *testing.T) {
	const before = "package b\n\nconst Order = 1\n\ntype set struct{ n int }\n\n"
	for _, literal := range []string{"map[int]string{Order: \"x\"}", "[...]string{Order: \"x\"}", "map[string]map[int]set{\"a\": {Order: {n: 1}}}", "[][]int{{Order: 1}}"} {
		m := orderIn(map[string]string{"a/a.go": embeds, "b/b.go": before + "var X = " + literal + "\n"})
		if _, problems := m.Rename(); len(problems) > 0 {
			t.Errorf("%s: %v", literal, problems)
		}
	}
	m := orderIn(map[string]string{"a/a.go": embeds, "b/b.go": "package b\n\nimport \"example.com/shop/a\"\n\nvar X = []a.Big{{Order: 1}}\n"})
	if _, problems := m.Rename(); len(problems) != 1 || problems[0].Hint != hintField {
		t.Errorf("%v; want the field refused", problems)
	}
}

// What is refused because of dot imports is told in the same order each time.
func TestProblemsOfDotImportsComeInOrder(t *testing.T) {
	names := map[string]string{}
	var models, users strings.Builder
	models.WriteString("package models\n\ntype (\n")
	users.WriteString("package a\n\nimport . \"example.com/shop/models\"\n\ntype (\n")
	for _, c := range "abcdefgh" {
		names["Old"+string(c)] = "New" + string(c)
		models.WriteString("\tOld" + string(c) + " int\n")
		users.WriteString("\tNew" + string(c) + " int\n")
	}
	m := Module{
		Path: "example.com/shop", Packages: []Package{{Dir: "models", Names: names}},
		Files: map[string][]byte{"models/orders.go": []byte(models.String() + ")\n"), "a/a.go": []byte(users.String() + ")\n\nvar _ Olda\n")},
	}
	_, first := m.Rename()
	for range 20 {
		if _, again := m.Rename(); len(first) < 8 || !reflect.DeepEqual(first, again) {
			t.Fatalf("%v, and then %v", first, again)
		}
	}
}

// Each refusal says what helps against it.
func TestProblemsHaveHintsOfTheirOwn(t *testing.T) {
	for name, want := range map[string]struct{ src, hint string }{
		"syntax": {"package a\n\nfunc Order(\n", hintParses},
		"taken":  {"package a\n\nimport . \"example.com/shop/models\"\n\ntype Purchase Order\n", hintTaken},
	} {
		m := orderIn(map[string]string{"a/a.go": want.src})
		_, problems := m.Rename()
		if len(problems) == 0 || problems[0].Hint != want.hint {
			t.Errorf("%s: %+v", name, problems)
		}
	}
}

func TestAToolIsRenamedWithItsModule(t *testing.T) {
	src := []byte("module example.com/shop\n\ngo 1.26\n\ntool (\n\texample.com/shop\n\texample.com/shop/cmd/x\n\texample.com/shopping\n)\n")
	edits, _, err := GoMod(src, "example.com/store", func(string) bool { return false })
	want := "module example.com/store\n\ngo 1.26\n\ntool (\n\texample.com/store\n\texample.com/store/cmd/x\n\texample.com/shopping\n)\n"
	if got := string(Apply(src, edits)); err != nil || got != want {
		t.Error(got, err)
	}
}
