package merge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Deleted returns the lines of base that Three takes to be deleted in side.
func Deleted(base, side []byte) []string {
	f := newFiles(base, side, nil)
	var deleted []string
	for _, h := range diff(f.baseN, f.oursN) {
		deleted = append(deleted, f.base[h.a0:h.a1]...)
	}
	return deleted
}

// TestDiff proves that what a difference leaves is the same in both files, that
// there are no two of them without a line between, and, unless
// the search was broken off, that none is shorter.
func TestDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 30)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		limit := rapid.IntRange(1, 30).Draw(t, "limit") // from 30 steps on a shortest one is found
		i, j, kept := 0, 0, 0
		for n, h := range diffWithin(a, b, limit) {
			if n > 0 && h.a0 == i || h.a0-i != h.b0-j || !slices.Equal(a[i:h.a0], b[j:h.b0]) {
				t.Fatalf("%v after %d, %d", h, i, j)
			}
			kept += h.a0 - i
			i, j = h.a1, h.b1
		}
		if !slices.Equal(a[i:], b[j:]) {
			t.Fatalf("the ends differ: %v, %v", a[i:], b[j:])
		}
		if kept += len(a) - i; limit == 30 && kept != common(a, b) {
			t.Fatalf("%d lines are the same, could be %d", kept, common(a, b))
		}
	})
}

// common is how many lines two files have in common, in order.
func common(a, b []int) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		corner := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = corner + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			corner = above
		}
	}
	return row[len(b)]
}
