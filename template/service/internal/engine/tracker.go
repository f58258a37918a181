package engine

import (
	"cmp"
	"slices"
	"time"
)

// tracker knows which messages of a lane are done, and up to where all are. It
// counts in order of delivery, because offsets have holes: compaction and
// transactions leave some out.
type tracker struct {
	places       []place // of the messages above the low-water mark
	base         uint64  // the sequence number of the first of them
	lowWaterMark int64   // the offset of the last message below base
	each         bool    // the source is a queue: what is done has no place, whatever was before it
}

type place struct {
	seq    uint64
	offset int64
	since  time.Time // when it was written
	done   bool
}

// add notes a message, written at since, as delivered and returns its sequence number.
func (t *tracker) add(offset int64, since time.Time) uint64 {
	seq := t.base + uint64(len(t.places))
	t.places = append(t.places, place{seq: seq, offset: offset, since: since})
	return seq
}

// done notes a message as done and moves the low-water mark over it when
// everything before it is done. Doing it twice changes nothing.
func (t *tracker) done(seq uint64) {
	if t.each {
		i, found := slices.BinarySearchFunc(t.places, seq, func(p place, seq uint64) int { return cmp.Compare(p.seq, seq) })
		if found { // few are before it
			copy(t.places[1:i+1], t.places[:i])
			t.places = t.places[1:]
			t.base++
		}
		return
	}
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
