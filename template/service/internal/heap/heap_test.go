package heap

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// goal returns how large the heap may get before garbage is collected.
func goal() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func TestASmallHeapMayGrowBeforeItIsCollected(t *testing.T) {
	t.Setenv("GOGC", "")
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		ballast = nil
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	before := goal()
	Reserve()
	if after := goal(); after < 2*size || after > before+3*size {
		t.Errorf("collected at %d bytes, and at %d without the ballast", after, before)
	}
}

func TestTheEnvironmentGoesFirst(t *testing.T) {
	t.Cleanup(func() { ballast = nil })
	t.Run("GOGC", func(t *testing.T) {
		t.Setenv("GOGC", "100")
		if Reserve(); ballast != nil {
			t.Error("there is a ballast although GOGC is set")
		}
	})
	t.Run("GOMEMLIMIT", func(t *testing.T) {
		before := debug.SetMemoryLimit(1 << 40)
		t.Cleanup(func() { debug.SetMemoryLimit(before) })
		if Reserve(); ballast != nil {
			t.Error("there is a ballast although memory is limited")
		}
	})
}
