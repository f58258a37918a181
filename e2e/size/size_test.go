package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/render"
)

// TestBestOrder proves that no order of the files has fewer references up, and
// that what is done with many files makes the order no worse.
func TestBestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 6).Draw(t, "files")
		edges := make([]uint64, n)
		for i := range edges {
			edges[i] = rapid.Uint64Range(0, 1<<n-1).Draw(t, "uses") &^ (1 << i)
		}
		given := make([]int, n)
		for i := range given {
			given[i] = i
		}
		least := upReferences(edges, given)
		permute(given, func(order []int) { least = min(least, upReferences(edges, order)) })
		if got := upReferences(edges, bestOrder(edges)); got != least {
			t.Fatalf("%d references up, possible are %d", got, least)
		}
		if got := upReferences(edges, goodOrder(edges)); got < least || got > upReferences(edges, given) {
			t.Fatalf("%d references up with goodOrder, possible are %d", got, least)
		}
	})
}

// permute calls f with every order of what is in order.
func permute(order []int, f func([]int)) {
	var place func(at int)
	place = func(at int) {
		if at == len(order) {
			f(order)
			return
		}
		for i := at; i < len(order); i++ {
			order[at], order[i] = order[i], order[at]
			place(at + 1)
			order[at], order[i] = order[i], order[at]
		}
	}
	place(0)
}

// TestOrder proves which references count as running up.
func TestOrder(t *testing.T) {
	files := []string{"a.go", "b.go", "c.go"}
	p := order("x", files, []uint64{0b010, 0b100, 0b010 | 0b001}) // a uses b, b uses c, c uses a and b
	if p.references != 4 || len(p.up) != 1 {
		t.Errorf("in a circle: %+v", p)
	}
	if p := order("x", files, []uint64{0, 0b001, 0b011}); p.references != 3 || len(p.up) != 0 || strings.Join(p.files, " ") != "c.go b.go a.go" {
		t.Errorf("without a circle: %+v", p)
	}
	packages := []pkg{
		{references: 30, up: make([]reference, 3)},
		{references: 10, up: make([]reference, 5)},
		{},
	}
	if all, worst := upShare(packages), worstShare(packages); all != 20 || worst != 10 {
		t.Errorf("%d %% and %d %%, want 20 and 10: small packages have no share of their own", all, worst)
	}
}

func TestParseProfile(t *testing.T) {
	got, err := parseProfile("mode: atomic\ncorp.test/x/internal/y/z.go:12.3,14.20 2 7\ncorp.test/x/main.go:1.1,2.2 1 0\n", "corp.test/x")
	want := map[block]int{{"internal/y/z.go", 12, 3}: 7, {"main.go", 1, 1}: 0}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"x", "x:1.1,2.2 1", "x:a.b,c 1 1", "x:1.1,2.2 1 many"} {
		if _, err := parseProfile(bad, "corp.test/x"); err == nil {
			t.Errorf("%q is taken for a profile", bad)
		}
	}
}

// TestBlocksFunction proves that a block is part of the function around it.
func TestBlocksFunction(t *testing.T) {
	dir := t.TempDir()
	src := "package x\n\nvar f = func() {\n}\n\nfunc (l *list[T]) add() {\n\tgo func() {\n\t}()\n}\n\nfunc g() {}\n"
	if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[int]string{3: "(variable)", 6: "list.add", 7: "list.add", 11: "g"} {
		if got, err := (block{file: "x.go", line: line}).function(dir); err != nil || got.name != want {
			t.Errorf("line %d is in %v, %v", line, got, err)
		}
	}
}

func TestCount(t *testing.T) {
	tree := &render.Tree{Files: []render.File{
		{Path: "main.go", Content: []byte("package main\n\nfunc main() {}\n")},
		{Path: "main_test.go", Content: []byte("package main\n")},
		{Path: "x/xtest/x.go", Content: []byte("package xtest\n\n")},
		{Path: "x/xtest/data.json", Content: []byte("{}\n")},
		{Path: ".env.example", Content: []byte("# KAFKA_A is text\n# KAFKA_A=1\nKAFKA_B=2\n")},
		{Path: "README.md", Content: []byte("# x\n| `KAFKA_A` | x |\n")},
		{Path: "docs/settings.md", Content: []byte("| `KAFKA_A` | x |\n| `KAFKA_B`* | x |\n| `TYPE` |\n")},
	}}
	want := size{files: 7, code: 3, tests: 3, firstPage: 2, settings: 3, readme: 2}
	if got := count(tree, map[string]bool{"x/xtest": true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestTestOnlyPackages proves that what a program contains is code, also when
// tests use it, and what none contains helps tests.
func TestTestOnlyPackages(t *testing.T) {
	listed := map[string]listedPackage{
		"s":         {Name: "main", Imports: []string{"s/app", "lib"}},
		"s/dev":     {Name: "main", Imports: []string{"s/app", "s/samples"}},
		"s/app":     {Name: "app", Imports: []string{"lib"}},
		"s/samples": {Name: "samples"},
		"s/apptest": {Name: "apptest", Imports: []string{"s/app", "s/harness", "testlib"}},
		"s/harness": {Name: "harness", Imports: []string{"s/samples"}},
		"s/e2e":     {Name: "e2e"},
		"lib":       {Name: "lib", DepOnly: true},
		"testlib":   {Name: "testlib", DepOnly: true},
	}
	if got := testOnlyPackages(listed); !slices.Equal(got, []string{"s/apptest", "s/e2e", "s/harness"}) {
		t.Errorf("tests have for themselves %v", got)
	}
}

// TestTable proves that a figure that has grown is seen, and one that is not there
// yet is said.
func TestTable(t *testing.T) {
	var out strings.Builder
	if !table(&out, []figure{{"files", 95, 95, 95, ""}, {"settings", 50, 0, 50, ""}, {"lines", 7, 5, 7, ""}}) || !strings.Contains(out.String(), "| lines | 7 | 5 | 7 | not there yet |\n") {
		t.Errorf("not within the limits:\n%s", out.String())
	}
	if table(&out, []figure{{"files", 96, 90, 95, ""}, {"share", 3, 15, 15, " %"}}) || !strings.Contains(out.String(), "| files | 96 | 90 | 95 | **has grown** |\n") {
		t.Errorf("within the limits:\n%s", out.String())
	}
}
