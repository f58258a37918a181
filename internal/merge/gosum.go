package merge

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// GoSum merges go.sum: all lines of both, in the order that go has them in. A
// line too many does no harm, one too few stops the build.
func GoSum(base, ours, theirs []byte) []byte {
	if merged, ok := trivial(base, ours, theirs); ok {
		return merged
	}
	all := sums(ours)
	maps.Copy(all, sums(theirs))
	sorted := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(compareSums(strings.Fields(a), strings.Fields(b)), strings.Compare(a, b))
	})
	return []byte(strings.Join(sorted, "\n") + "\n")
}

// HasTooMuch reports whether a go.sum that was merged may have lines that nothing needs
// any more, which `go mod tidy` takes out: those that theirs dropped, and those of a
// library of which go.mod has another version now.
func HasTooMuch(base, theirs, merged, goMod []byte) bool {
	next := sums(theirs)
	required := make(map[string]*modfile.Require)
	if f, err := modfile.ParseLax("go.mod", goMod, nil); err == nil {
		required = requires(f)
	}
	was := sums(base)
	for line := range sums(merged) {
		if next[line] {
			continue
		}
		fields := append(strings.Fields(line), "", "")
		r, version := required[fields[0]], fields[1]
		if was[line] || r != nil && version != r.Mod.Version && !strings.HasSuffix(version, "/go.mod") { // older go.mod files may be read
			return true
		}
	}
	return false
}

// sums are the lines of a go.sum.
func sums(text []byte) map[string]bool {
	all := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			all[line] = true
		}
	}
	return all
}

// compareSums orders lines of go.sum: by module, by version, its go.mod last.
func compareSums(a, b []string) int {
	if len(a) < 2 || len(b) < 2 {
		return cmp.Compare(len(a), len(b))
	}
	av, aMod, _ := strings.Cut(a[1], "/")
	bv, bMod, _ := strings.Cut(b[1], "/")
	return cmp.Or(strings.Compare(a[0], b[0]), semver.Compare(av, bv), strings.Compare(aMod, bMod))
}
