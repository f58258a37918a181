package landing

import (
	"slices"
	"strings"
	"testing"
)

// TestDiskIsWaitedFor proves the order that a loss of power needs: what is prepared is
// on the disk before the rename that decides, that rename before the first file, and
// the files before what could take them back is gone.
func TestDiskIsWaitedFor(t *testing.T) {
	for name, prepare := range changes {
		root, c := sample(t)
		c = prepare(t, root, c)
		var steps []string
		err := run(root, func(what string) error { steps = append(steps, what); return nil }, func(l *lander) error { return l.land(t.Context(), c) })
		if err != nil {
			t.Fatal(err)
		}
		decides := slices.Index(steps, "rename "+staged)
		ends := slices.Index(steps, "rename "+going)
		if last := slices.Index(steps, "rename "+last); last >= 0 {
			ends = min(ends, last)
		}
		isFile := func(s string) bool {
			return slices.ContainsFunc(c.Ops, func(op Op) bool { return op.Path == s }) || strings.HasPrefix(s, "rmdir ")
		}
		if decides < 1 || steps[decides-1] != "sync" || steps[decides+1] != "sync" || !isFile(steps[decides+2]) {
			t.Errorf("%s: around the rename that decides: %q", name, steps)
		}
		before := ends - 1
		for before > 0 && steps[before] == "sweep" {
			before--
		}
		if ends < 0 || steps[before] != "sync" || !isFile(steps[before-1]) || slices.ContainsFunc(steps[ends:], isFile) {
			t.Errorf("%s: at the end: %q", name, steps)
		}
	}
}
