package engine

import (
	"slices"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// item is a message on its way through the engine.
type item struct {
	msg  message.Message // as delivered; handlers get copies of it
	seq  uint64          // its place in order of delivery
	size int64           // what it counts for in bytes

	backoff     retry.Backoff // nil before the first retry
	unavailable bool          // its last attempt ended with Unavailable
	held        bool          // its attempts are used up, but dead-lettering is paused
}

// overhead is what a message counts for besides its own bytes: its item, its
// queue and its timer while it waits for a retry.
const overhead = 1 << 9

// newItem copies a message: what it points to may be part of a whole fetch,
// which would stay in memory as long as the message waits.
func newItem(m *message.Message) *item {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	it := &item{msg: *m, size: int64(n + overhead)}
	it.msg.Attempt = 1
	it.msg.Headers = slices.Clip(slices.Clone(m.Headers))
	buf := make([]byte, 0, n)
	copied := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		start := len(buf)
		buf = append(buf, b...)
		return buf[start:len(buf):len(buf)]
	}
	it.msg.Key, it.msg.Value = copied(m.Key), copied(m.Value)
	for i, h := range m.Headers {
		it.msg.Headers[i].Value = copied(h.Value)
	}
	return it
}

// nextDelay returns how long the item waits for its next attempt. The backoff
// starts anew when the reason to wait changes between unavailable and others.
func (it *item) nextDelay(policy message.RetryPolicy, unavailable bool) time.Duration {
	if it.backoff == nil || it.unavailable != unavailable {
		it.backoff = policy.Backoff()
	}
	delay, _ := it.backoff.Next()
	return delay
}

// queue holds the messages of one key, in order. Its first message is in
// exactly one place: ready, with a worker, waiting for its timer, or being
// written to the dead letters. The others wait behind it.
type queue struct {
	lane  *Lane
	items fifo[*item]
	hash  uint64 // of the key, to find the queue again
	keyed bool   // whether the lane can find it by hash
}

// id names the queue's key across the lives of its lane.
func (q *queue) id() keyID { return keyID{q.lane.topic, q.lane.partition, q.hash} }

// fifo is a first-in-first-out list that lets go of what was popped.
type fifo[T any] []T

func (f *fifo[T]) push(x T) { *f = append(*f, x) }

func (f *fifo[T]) pop() T {
	x := (*f)[0]
	clear((*f)[:1])
	*f = (*f)[1:]
	return x
}
