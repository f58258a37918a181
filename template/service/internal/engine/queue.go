package engine

import (
	"bytes"
	"slices"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// item is a message on its way through the engine.
type item struct {
	msg     message.Message // as delivered; handlers get copies of it
	seq     uint64          // its place in order of delivery
	size    int64           // what it counts for in bytes
	wait    wait            // why it waits, or waited before the present attempt
	backoff retry.Backoff   // nil before the first retry
}

// What counts besides a message's own bytes.
const (
	overhead       = 768 // its item and queue, and the backoff and timer of one that waits for a retry
	headerOverhead = 64  // for each of its headers
)

// newItem copies a message: what it points to may be part of a whole fetch, which
// would stay in memory with it. The policy is for one whose registration has none.
func newItem(m *message.Message, policy *message.RetryPolicy) *item {
	it := &item{msg: *m, size: int64(overhead + len(m.Key) + len(m.Value))}
	it.msg.Attempt, it.msg.Retry = 1, policy
	it.msg.Key, it.msg.Value = bytes.Clone(m.Key), bytes.Clone(m.Value)
	it.msg.Headers = slices.Clip(slices.Clone(m.Headers))
	for i, h := range m.Headers {
		it.msg.Headers[i].Value = bytes.Clone(h.Value)
		it.size += int64(headerOverhead + len(h.Key) + len(h.Value))
	}
	return it
}

// nextDelay returns how long the item waits for its next attempt. The backoff
// starts anew when something becomes unavailable, or is available again.
func (it *item) nextDelay(why wait) time.Duration {
	if it.backoff == nil || (it.wait == waitUnavailable) != (why == waitUnavailable) {
		it.backoff = it.msg.Retry.Backoff()
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

type keyID struct {
	topic     string
	partition int32
	hash      uint64
}

// fifo is a first-in-first-out list that lets go of what was popped.
type fifo[T any] []T

func (f *fifo[T]) pop() T {
	x := (*f)[0]
	clear((*f)[:1])
	*f = (*f)[1:]
	return x
}
