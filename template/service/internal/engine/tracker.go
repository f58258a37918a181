package engine

import (
	"slices"
	"time"
)

// tracker knows which messages of a lane are done, and up to where all are. It
// counts in order of delivery, because offsets have holes: compaction and
// transactions leave some out.
type tracker struct {
	places       []place // of the messages above the low-water mark
	base         uint64  // the sequence number of the first of them
	next         uint64  // that of the next message
	lowWaterMark int64   // the offset of the last message below base
	forgets      bool    // places of what is done do not matter: a queue has each message by itself
	finished     int     // places whose message is done
}

type place struct {
	seq    uint64
	offset int64
	since  time.Time // when it was written
	done   bool
}

// keptPlaces is how many places a queue's tracker keeps of what is done.
const keptPlaces = 1024

// add notes a message, written at since, as delivered and returns its sequence number.
func (t *tracker) add(offset int64, since time.Time) uint64 {
	t.places = append(t.places, place{seq: t.next, offset: offset, since: since})
	t.next++
	return t.next - 1
}

// done notes a message as done and moves the low-water mark over it when
// everything before it is done. Doing it twice changes nothing.
func (t *tracker) done(seq uint64) {
	i, found := t.find(seq)
	if !found || t.places[i].done {
		return
	}
	t.places[i].done = true
	t.finished++
	for len(t.places) > 0 && t.places[0].done {
		t.lowWaterMark = t.places[0].offset
		t.places = t.places[1:]
		t.finished--
	}
	t.base = t.next
	if len(t.places) > 0 {
		t.base = t.places[0].seq
	}
	if t.forgets && t.finished > keptPlaces && t.finished > len(t.places)/2 {
		t.places = slices.DeleteFunc(t.places, func(p place) bool { return p.done })
		t.finished = 0
	}
}

// find returns where the place of a message is, which only a tracker that forgets has
// to look for.
func (t *tracker) find(seq uint64) (int, bool) {
	if seq < t.base {
		return 0, false
	}
	if i := seq - t.base; i < uint64(len(t.places)) && t.places[i].seq == seq {
		return int(i), true
	}
	return slices.BinarySearchFunc(t.places, seq, func(p place, seq uint64) int { return int(int64(p.seq) - int64(seq)) })
}
