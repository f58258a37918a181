package engine

import "container/list"

// tracker knows which messages of a lane are not done, in order of delivery. It counts
// messages, because offsets have holes: compaction and transactions leave some out.
type tracker struct {
	open      list.List // of *item: what is not done
	delivered uint64    // messages
	last      int64     // the offset of the last of them
	each      bool      // the source is a queue, which takes each message by itself
}

// add notes a message as delivered.
func (t *tracker) add(it *item) {
	it.seq, it.before, it.place = t.delivered, t.last, t.open.PushBack(it)
	t.delivered, t.last = t.delivered+1, it.msg.Offset
}

// first returns the first message that is not done, nil when all are.
func (t *tracker) first() *item {
	if place := t.open.Front(); place != nil {
		return place.Value.(*item) //nolint:forcetypeassert // nothing else is in it
	}
	return nil
}

// lowWaterMark returns how many messages are done before the first that is not, and the
// offset of the last of them. Of a queue it counts all that are done.
func (t *tracker) lowWaterMark() (count uint64, offset int64) {
	place := t.open.Front()
	if place == nil {
		return t.delivered, t.last
	}
	first := place.Value.(*item) //nolint:forcetypeassert // as above
	if t.each {
		return t.delivered - uint64(t.open.Len()), first.before
	}
	return first.seq, first.before
}

// doneAbove returns how many messages above the low-water mark are done.
func (t *tracker) doneAbove() int {
	below, _ := t.lowWaterMark()
	return int(t.delivered-below) - t.open.Len()
}
