package merge_test

import (
	"testing"

	"github.com/ouroboros-forge/forge/internal/merge"
)

// What theirs dropped may be too much, and so is a version of a library that go.mod has
// not; the go.mod of an older version is read for what a library of the user's requires.
func TestHasTooMuch(t *testing.T) {
	const base, theirs, goMod = "a v1.0.0 h1:a=\n", "a v1.1.0 h1:b=\n", "module x\n\ngo 1.26.0\n\nrequire a.b/mine v1.2.0\n"
	for merged, want := range map[string]bool{
		theirs:                                     false,
		base + theirs:                              true,
		theirs + "a.b/mine v1.2.0 h1:m=\n":         false,
		theirs + "a.b/mine v1.1.0 h1:m=\n":         true,
		theirs + "a.b/mine v1.1.0/go.mod h1:m=\n":  false,
		theirs + "a.b/other v1.1.0/go.mod h1:m=\n": false,
	} {
		if got := merge.HasTooMuch([]byte(base), []byte(theirs), []byte(merged), []byte(goMod)); got != want {
			t.Errorf("%q: %v", merged, got)
		}
	}
}
