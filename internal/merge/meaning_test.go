package merge_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/merge"
)

func nobody(string) bool { return false }

const goMod = `module example.com/shop

go 1.26.0

require (
	example.com/a v1.0.0
	example.com/b v1.0.0
	example.com/gone v1.0.0
)

require (
	example.com/c v1.0.0 // indirect
	example.com/d v1.0.0 // indirect
)
`

func TestGoMod(t *testing.T) {
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(goMod) }
	gone := []string{"\texample.com/gone v1.0.0\n", ""}
	for _, c := range []struct {
		name         string
		ours, theirs string
		used         string
		want         string
	}{
		{"theirs raises", replace("shop\n", "myshop\n"), replace("a v1.0.0", "a v1.1.0"), "", replace("shop\n", "myshop\n", "a v1.0.0", "a v1.1.0")},
		{"ours is higher", replace("a v1.0.0", "a v1.2.0"), replace("a v1.0.0", "a v1.1.0"), "", replace("a v1.0.0", "a v1.2.0")},
		{"theirs is higher", replace("a v1.0.0", "a v1.1.0 // mine"), replace("a v1.0.0", "a v1.2.0"), "", replace("a v1.0.0", "a v1.2.0 // mine")},
		{"theirs lowers", replace("b v1.0.0", "b v1.2.0"), replace("a v1.0.0", "a v0.9.0"), "", replace("b v1.0.0", "b v1.2.0", "a v1.0.0", "a v0.9.0")},
		{"ours lowered, theirs left", replace("a v1.0.0", "a v0.9.0"), replace("b v1.0.0", "b v1.1.0"), "", replace("a v1.0.0", "a v0.9.0", "b v1.0.0", "b v1.1.0")},
		{
			"both add", replace("gone v1.0.0\n", "gone v1.0.0\n\texample.com/mine v1.0.0\n"), replace("b v1.0.0\n", "b v1.0.0\n\texample.com/new v1.0.0\n"), "",
			replace("gone v1.0.0\n", "gone v1.0.0\n\texample.com/mine v1.0.0\n\texample.com/new v1.0.0\n"),
		},
		{"theirs drops", replace("a v1.0.0", "a v1.2.0"), replace(gone...), "", replace(append(gone, "a v1.0.0", "a v1.2.0")...)},
		{"theirs drops what the user imports", replace("a v1.0.0", "a v1.2.0"), replace(gone...), "example.com/gone", replace("a v1.0.0", "a v1.2.0")},
		{"theirs drops what the user imports, and ours is as it was", goMod, replace(gone...), "example.com/gone", goMod},
		{"theirs drops what the user raised", replace("gone v1.0.0", "gone v1.1.0"), replace(gone...), "", replace("gone v1.0.0", "gone v1.1.0")},
		{"ours dropped", replace(gone...), replace("gone v1.0.0", "gone v1.1.0"), "", replace(gone...)},
		{"indirect becomes direct", replace("a v1.0.0", "a v1.2.0"), replace("b v1.0.0\n", "b v1.0.0\n\texample.com/c v1.0.0\n", "\texample.com/c v1.0.0 // indirect\n", ""), "",
			replace("a v1.0.0", "a v1.2.0", "\texample.com/gone", "\texample.com/c v1.0.0\n\texample.com/gone", "(\n\texample.com/c v1.0.0 // indirect\n\texample.com/d v1.0.0 // indirect\n)", "example.com/d v1.0.0 // indirect")},
		{"go", replace("a v1.0.0", "a v1.2.0"), replace("go 1.26.0", "go 1.27.0"), "", replace("a v1.0.0", "a v1.2.0", "go 1.26.0", "go 1.27.0")},
		{"a higher go of ours", replace("go 1.26.0", "go 1.28.0"), replace("go 1.26.0", "go 1.27.0"), "", replace("go 1.26.0", "go 1.28.0")},
		{"toolchain", replace("a v1.0.0", "a v1.2.0"), replace("go 1.26.0\n", "go 1.26.0\n\ntoolchain go1.27.1\n"), "", replace("a v1.0.0", "a v1.2.0", "go 1.26.0\n", "go 1.26.0\n\ntoolchain go1.27.1\n")},
		{"replace stays", goMod + "\nreplace example.com/a => ../a\n", replace("a v1.0.0", "a v1.2.0"), "", replace("a v1.0.0", "a v1.2.0") + "\nreplace example.com/a => ../a\n"},
		{"replace of both", goMod + "\nreplace example.com/a => ../a\n", goMod + "\nreplace example.com/a => example.com/fork v1.0.0\n", "", goMod + "\nreplace example.com/a => ../a\n"},
		{"theirs replaces, and excludes", replace("a v1.0.0", "a v1.2.0"), goMod + "\nreplace example.com/b => example.com/fork v1.0.0\n\nexclude example.com/d v1.1.0\n", "", replace("a v1.0.0", "a v1.2.0") + "\nreplace example.com/b => example.com/fork v1.0.0\n\nexclude example.com/d v1.1.0\n"},
		{"tools of both", goMod + "\ntool example.com/a/mine\n", goMod + "\ntool example.com/b/theirs\n", "", goMod + "\ntool (\n\texample.com/a/mine\n\texample.com/b/theirs\n)\n"},
		{"comments stay", replace("\texample.com/a v1.0.0", "\t// why a\n\texample.com/a v1.0.0 // pinned"), replace("b v1.0.0", "b v1.1.0"), "", replace("\texample.com/a v1.0.0", "\t// why a\n\texample.com/a v1.0.0 // pinned", "b v1.0.0", "b v1.1.0")},
	} {
		got, err := merge.GoMod([]byte(goMod), []byte(c.ours), []byte(c.theirs), func(path string) bool { return path == c.used })
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s\nwant:\n%s", c.name, err, got, c.want)
		}
	}
	if _, err := merge.GoMod([]byte(goMod), nil, []byte(goMod+"\n"), nobody); err == nil || err.Error() != "yours: it has no module" {
		t.Errorf("empty: %v", err)
	}
	if _, err := merge.GoMod([]byte(goMod), []byte("modul x\n"), []byte(goMod+"\n"), nobody); err == nil || !strings.HasPrefix(err.Error(), "yours: ") {
		t.Errorf("a go.mod that is none: %v", err)
	}
}

func TestGoSum(t *testing.T) {
	base := "a v1.0.0 h1:a=\na v1.0.0/go.mod h1:b=\n"
	ours := base + "c v1.0.0 h1:c=\nc v1.0.0/go.mod h1:d=\n"
	theirs := "a v1.10.0 h1:e=\na v1.10.0/go.mod h1:f=\na v1.9.0/go.mod h1:g=\n"
	want := "a v1.0.0 h1:a=\na v1.0.0/go.mod h1:b=\na v1.9.0/go.mod h1:g=\na v1.10.0 h1:e=\na v1.10.0/go.mod h1:f=\nc v1.0.0 h1:c=\nc v1.0.0/go.mod h1:d=\n"
	if got := merge.GoSum([]byte(base), []byte(ours), []byte(theirs)); string(got) != want {
		t.Errorf("%s", got)
	}
	if got := merge.GoSum([]byte(base), []byte(base), []byte(theirs)); string(got) != theirs {
		t.Errorf("%s", got)
	}
}

func TestLines(t *testing.T) {
	const base = "# settings\nA=1\n\n# b\nB=1\n#C=\nD=1\n"
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(base) }
	for _, c := range []struct{ name, ours, theirs, want string }{
		{"both add at the end", base + "MINE=1\n", base + "# new\nNEW=1\n", base + "MINE=1\n# new\nNEW=1\n"},
		{"a value of each", replace("A=1", "A=mine"), replace("D=1", "D=2"), replace("A=1", "A=mine", "D=1", "D=2")},
		{"a value of both", replace("A=1", "A=mine"), replace("A=1", "A=2"), replace("A=1", "A=mine")},
		{"removed stays removed", replace("B=1\n", ""), replace("B=1", "B=2"), replace("B=1\n", "")},
		{"theirs drops", replace("A=1", "A=mine"), replace("B=1\n", ""), replace("A=1", "A=mine", "B=1\n", "")},
		{"theirs drops what ours changed", replace("B=1", "B=mine"), replace("B=1\n", ""), replace("B=1", "B=mine")},
		{"theirs drops with its comment, beside what ours changed", replace("#C=", "C=mine"), replace("# b\nB=1\n", ""), replace("# b\nB=1\n#C=", "C=mine")},
		{"theirs drops what stays with its comment", replace("B=1", "B=mine"), replace("# b\nB=1\n", ""), replace("B=1", "B=mine")},
		{"both add the same", replace("A=1\n", "A=1\nNEW=mine\n"), base + "NEW=1\n", replace("A=1\n", "A=1\nNEW=mine\n")},
		{"theirs moves what ours changed", replace("D=1", "D=mine"), "D=1\n" + replace("D=1\n", ""), replace("D=1", "D=mine")},
		{"what is commented out is a setting", replace("#C=", "C=mine"), replace("#C=", "#C=2"), replace("#C=", "C=mine")},
		{"no line break at the end", base + "MINE=1", base + "NEW=1\n", base + "MINE=1\nNEW=1\n"},
		{"CR LF", strings.ReplaceAll(base+"MINE=1\n", "\n", "\r\n"), base + "NEW=1\n", strings.ReplaceAll(base+"MINE=1\nNEW=1\n", "\n", "\r\n")},
	} {
		if got := merge.Lines([]byte(base), []byte(c.ours), []byte(c.theirs), merge.EnvKey); string(got) != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
	got := merge.Lines([]byte("# a\n/bin/\n*.out\n"), []byte("# a\n/bin/\n*.out\n.idea/\n"), []byte("# a\n/bin/\n*.prof\n"), merge.IgnoreKey)
	if want := "# a\n/bin/\n.idea/\n*.prof\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// What theirs adds at the end, after a blank line, goes again with that line, beside what
// the user has there.
func TestLinesThatComeAndGoLeaveNoBlankLine(t *testing.T) {
	const was, with = "A=1\n", "A=1\n\n# b\nB=1\n"
	for _, ours := range []string{"A=1\nMINE=1\n", "A=1\n\nMINE=1\n", "A=1\n\n# mine\nMINE=1\n\n"} {
		added := merge.Lines([]byte(was), []byte(ours), []byte(with), merge.EnvKey)
		if got := merge.Lines([]byte(with), added, []byte(was), merge.EnvKey); string(got) != ours || !strings.Contains(string(added), "# b\nB=1\n") {
			t.Errorf("%q, then %q, want %q", added, got, ours)
		}
	}
}

// TestLinesKeepsBothSides proves that of each pattern the result has what the
// user has, and of those that the user never had what is new.
func TestLinesKeepsBothSides(t *testing.T) {
	text := rapid.Map(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h"}), 0, 8, rapid.ID[string]), func(lines []string) string {
		return strings.Join(append(lines, ""), "\n")
	})
	rapid.Check(t, func(t *rapid.T) {
		base, ours, theirs := text.Draw(t, "base"), text.Draw(t, "ours"), text.Draw(t, "theirs")
		got := string(merge.Lines([]byte(base), []byte(ours), []byte(theirs), merge.IgnoreKey))
		for _, line := range []string{"a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n", "h\n"} {
			was, is, next := strings.Contains(base, line), strings.Contains(ours, line), strings.Contains(theirs, line)
			want := is && next || is && !was || next && !was // in both, or new in one
			moved := is && was && !next                      // what the user moved is the user's
			if n := strings.Count(got, line); (n > 0) != want && !moved || n > 1 {
				t.Fatalf("%q is %d times in %q", line, n, got)
			}
		}
	})
}

// TestGoModByItsRules proves, for any requirements of three versions: of each
// module the result has what the rules say, and it reads back.
func TestGoModByItsRules(t *testing.T) {
	modules := []string{"a", "b", "c", "d", "e"}
	file := rapid.Custom(func(t *rapid.T) map[string]string {
		versions := make(map[string]string)
		for _, m := range modules {
			if n := rapid.IntRange(0, 3).Draw(t, m); n > 0 {
				versions["example.com/"+m] = fmt.Sprintf("v1.%d.0", n)
			}
		}
		return versions
	})
	write := func(versions map[string]string) []byte {
		text := []byte("module example.com/shop\n\ngo 1.26.0\n")
		for _, m := range slices.Sorted(maps.Keys(versions)) {
			text = fmt.Appendf(text, "\nrequire %s %s\n", m, versions[m])
		}
		return text
	}
	rapid.Check(t, func(t *rapid.T) {
		base, ours, theirs := file.Draw(t, "base"), file.Draw(t, "ours"), file.Draw(t, "theirs")
		used := rapid.SampledFrom(modules).Draw(t, "used")
		text, err := merge.GoMod(write(base), write(ours), write(theirs), func(m string) bool { return m == "example.com/"+used })
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := modfile.Parse("go.mod", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, r := range parsed.Require {
			got[r.Mod.Path] = r.Mod.Version
		}
		for _, name := range modules {
			m := "example.com/" + name
			was, is, next := base[m], ours[m], theirs[m]
			want := is
			switch {
			case is == was && next != "", was == "" && is == "", was != next && next > is && is != "":
				want = next
			case next == "" && is == was && name != used:
				want = ""
			}
			if got[m] != want {
				t.Fatalf("%s: base %q, ours %q, theirs %q: got %q, want %q", m, was, is, next, got[m], want)
			}
		}
	})
}
