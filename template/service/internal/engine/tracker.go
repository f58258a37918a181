package engine

// tracker knows which messages of a lane are terminal and how far the lane is
// done without a gap. It counts in order of delivery, because offsets have
// holes: compaction and transactions leave some out. It is a ring over the
// messages from the low-water mark on.
type tracker struct {
	ring []place // its length is a power of two
	base uint64  // the sequence number of the first message that is not terminal
	end  uint64  // the sequence number that the next message gets
	low  int64   // the offset of the last message below base
}

type place struct {
	offset   int64
	terminal bool
}

// add notes a message as delivered and returns its sequence number.
func (t *tracker) add(offset int64) uint64 {
	if t.span() == len(t.ring) {
		t.grow()
	}
	seq := t.end
	*t.at(seq) = place{offset: offset}
	t.end++
	return seq
}

// done notes a message as terminal and moves the low-water mark over it when
// everything before it is terminal. Doing it twice changes nothing.
func (t *tracker) done(seq uint64) {
	if seq < t.base {
		return
	}
	t.at(seq).terminal = true
	for t.base < t.end && t.at(t.base).terminal {
		t.low = t.at(t.base).offset
		t.base++
	}
}

// span returns how many messages were delivered from the low-water mark on.
func (t *tracker) span() int { return int(t.end - t.base) }

func (t *tracker) at(seq uint64) *place { return &t.ring[seq&uint64(len(t.ring)-1)] }

func (t *tracker) grow() {
	old := *t
	t.ring = make([]place, max(64, 2*len(old.ring)))
	for seq := t.base; seq < t.end; seq++ {
		*t.at(seq) = *old.at(seq)
	}
}
