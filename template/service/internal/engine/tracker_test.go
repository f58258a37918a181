package engine

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The tracker against the obvious.
func TestTrackerFollowsTheLowWaterMark(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr tracker
		var offsets []int64
		var open []*item
		done := map[uint64]bool{}
		offset, low := int64(0), uint64(0)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			for range rapid.IntRange(0, 40).Draw(t, "delivered") {
				offset += int64(rapid.IntRange(1, 3).Draw(t, "gap"))
				it := &item{msg: message.Message{Offset: offset}}
				tr.add(it)
				open, offsets = append(open, it), append(offsets, offset)
			}
			for range rapid.IntRange(0, 30).Draw(t, "terminal") {
				if len(open) == 0 {
					break
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				it := open[i]
				open = append(open[:i], open[i+1:]...)
				tr.open.Remove(it.place)
				tr.open.Remove(it.place)
				done[it.seq] = true
			}
			for done[low] {
				low++
			}
			if count, offset := tr.lowWaterMark(); count != low || low > 0 && offset != offsets[low-1] || tr.open.Len() != len(open) || tr.doneAbove() != len(offsets)-int(low)-len(open) {
				t.Fatalf("the low-water mark is %d at offset %d, want %d", count, offset, low)
			}
		}
	})
}

// A tracker has what is not done, in order of delivery; of a queue it counts all else.
func TestTheTrackerOfAQueueHasWhatIsNotDone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := tracker{each: true}
		var open []*item
		for offset := range rapid.Int64Range(0, 100).Draw(t, "delivered") {
			it := &item{msg: message.Message{Offset: offset}}
			tr.add(it)
			open = append(open, it)
			for len(open) > 0 && rapid.Bool().Draw(t, "one is done") {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				tr.open.Remove(open[i].place)
				tr.open.Remove(open[i].place)
				open = append(open[:i], open[i+1:]...)
			}
			if count, _ := tr.lowWaterMark(); len(open) != tr.open.Len() || count+uint64(len(open)) != uint64(offset)+1 || tr.doneAbove() != 0 {
				t.Fatalf("%d are open, %d done, want %d of %d open", tr.open.Len(), count, len(open), offset+1)
			}
			place := tr.open.Front()
			for _, it := range open {
				if place.Value != it {
					t.Fatalf("%v is in the place of %d", place.Value, it.seq)
				}
				place = place.Next()
			}
		}
	})
}
