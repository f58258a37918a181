package merge

import (
	"runtime"
	"strings"
	"testing"
)

// What taking a description apart takes grows with its length, and not with its square:
// be it long before its lists, in them, in one entry, or for empty lines. It is so long that
// what a pool of the race detector drops now and then, some 40 KB, does not count.
func TestCuttingALongDescriptionIsLinear(t *testing.T) {
	const paths, schemas = "paths:\n  /a:\n    get: 1\n", "components:\n  schemas:\n    A:\n      type: object\n"
	for what, text := range map[string]func(n int) string{
		"before": func(n int) string { return strings.Repeat("# a comment\n", n) + paths + schemas },
		"entry":  func(n int) string { return paths + strings.Repeat("    put: 1\n", n) + schemas },
		"empty":  func(n int) string { return paths + strings.Repeat("\n", n) + schemas },
		"after":  func(n int) string { return paths + schemas + strings.Repeat("      # a comment\n", n) },
	} {
		takes := func(n int) uint64 {
			doc := []byte(text(n))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, ok := cutOpenAPI(doc); !ok {
				t.Fatal(what)
			}
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc
		}
		if small, large := takes(20_000), takes(80_000); large > 8*small {
			t.Errorf("%s: four times the lines take %d bytes, were %d", what, large, small)
		}
	}
}
