package plan_test

import (
	"runtime"
	"strings"
	"testing"
)

// What a topic's new name takes grows with a text that names the old one on each line,
// and not with its square.
func TestRenamingALongTextIsLinear(t *testing.T) {
	takes := func(lines int) uint64 {
		s := newShop(t, bare("orders"))
		s.edit(t, "README.md", "\n", "\n"+strings.Repeat("mine: orders\n", lines))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.rename(t, "orders", "sales")
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	takes(0) // which renders
	none := takes(0)
	if small, large := takes(2000)-none, takes(8000)-none; large > 8*small {
		t.Errorf("four times the lines take %d bytes, were %d", large, small)
	}
}
