package engine

import "time"

// tracker knows which messages of a lane are done, and up to where all are. It
// counts in order of delivery, because offsets have holes: compaction and
// transactions leave some out.
type tracker struct {
	places       []place // of the messages above the low-water mark
	base         uint64  // the sequence number of the first of them
	lowWaterMark int64   // the offset of the last message below base
}

type place struct {
	offset int64
	since  time.Time // when it was written
	done   bool
}

// add notes a message, written at since, as delivered and returns its sequence number.
func (t *tracker) add(offset int64, since time.Time) uint64 {
	t.places = append(t.places, place{offset: offset, since: since})
	return t.base + uint64(len(t.places)) - 1
}

// done notes a message as done and moves the low-water mark over it when
// everything before it is done. Doing it twice changes nothing.
func (t *tracker) done(seq uint64) {
	if seq < t.base {
		return
	}
	t.places[seq-t.base].done = true
	for len(t.places) > 0 && t.places[0].done {
		t.lowWaterMark = t.places[0].offset
		t.places = t.places[1:]
		t.base++
	}
}

// doneAbove returns how many messages above the low-water mark are done.
func (t *tracker) doneAbove() int {
	n := 0
	for _, p := range t.places {
		if p.done {
			n++
		}
	}
	return n
}
