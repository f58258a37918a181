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

// A queue's tracker has the places of what is not done, in order of delivery.
func TestTheTrackerOfAQueueHasWhatIsNotDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := tracker{each: true}
		var open []uint64
		for offset := range rapid.Int64Range(0, 100).Draw(t, "delivered") {
			open = append(open, tr.add(offset, time.Time{}))
			for len(open) > 0 && rapid.Bool().Draw(t, "one is done") {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				tr.done(open[i])
				tr.done(open[i])
				open = append(open[:i], open[i+1:]...)
			}
			if len(open) != len(tr.places) || tr.base+uint64(len(open)) != uint64(offset)+1 {
				t.Fatalf("%d places, base %d, want %d of %d", len(tr.places), tr.base, len(open), offset+1)
			}
			for i, p := range tr.places {
				if p.seq != open[i] {
					t.Fatalf("place %d is of %d, want %d", i, p.seq, open[i])
				}
			}
		}
	})
}
