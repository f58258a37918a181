package engine

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The tracker against the obvious.
func TestTrackerFollowsTheLowWaterMark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr tracker
		var offsets []int64
		var open []uint64
		done := map[uint64]bool{}
		offset, low := int64(0), uint64(0)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			for range rapid.IntRange(0, 40).Draw(t, "delivered") {
				offset += int64(rapid.IntRange(1, 3).Draw(t, "gap"))
				open, offsets = append(open, tr.add(offset, time.Time{})), append(offsets, offset)
			}
			for range rapid.IntRange(0, 30).Draw(t, "terminal") {
				if len(open) == 0 {
					break
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				seq := open[i]
				open = append(open[:i], open[i+1:]...)
				tr.done(seq)
				tr.done(seq)
				done[seq] = true
			}
			for done[low] {
				low++
			}
			if tr.base != low || low > 0 && tr.lowWaterMark != offsets[low-1] || len(tr.places) != len(offsets)-int(low) {
				t.Fatalf("the low-water mark is %d at offset %d, want %d", tr.base, tr.lowWaterMark, low)
			}
		}
	})
}
