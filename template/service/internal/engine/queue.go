package engine

import (
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// item is a message on its way through the engine.
type item struct {
	msg  message.Message
	seq  uint64 // its place in order of delivery
	size int64  // bytes of its key, value and headers, as delivered
	next *item  // the next message of the same key

	// Of its last attempt.
	verdict verdict
	away    bool // it waits for what it needs; counted in its lane
	elapsed time.Duration
	failed  error

	backoff retry.Backoff // its delays, from its first retry on
	delay   time.Duration // before the next attempt
}

// sizeOf is what a message counts for in bytes.
func sizeOf(m *message.Message) int64 {
	n := len(m.Key) + len(m.Value)
	for i := range m.Headers {
		n += len(m.Headers[i].Key) + len(m.Headers[i].Value)
	}
	return int64(n)
}

// delivered is what a message came with and its handler may exchange. The
// worker puts it back after each attempt: the next one, and the dead letter, are
// of the message that was delivered.
type delivered struct {
	key, value []byte
	headers    []message.Field
}

func (it *item) delivered() delivered { return delivered{it.msg.Key, it.msg.Value, it.msg.Headers} }

// restore writes only what was exchanged: the handler may have left somebody
// behind who reads the message.
func (it *item) restore(d delivered) {
	if !same(it.msg.Key, d.key) {
		it.msg.Key = d.key
	}
	if !same(it.msg.Value, d.value) {
		it.msg.Value = d.value
	}
	if !same(it.msg.Headers, d.headers) {
		it.msg.Headers = d.headers
	}
}

// same reports whether a and b are one slice, whatever is in it.
func same[T any](a, b []T) bool {
	if len(a) != len(b) || len(a) == 0 {
		return len(a) == len(b) && (a == nil) == (b == nil)
	}
	return &a[0] == &b[0]
}

// queue holds the messages of one key that wait for their turn, the one being
// handled first. It is in exactly one place: among the ready ones, with a
// worker, with a timer, or at the dead letters.
type queue struct {
	head, tail *item
	length     int
	hash       uint64 // of the key, to find the queue again
	keyed      bool   // whether the lane can find it by hash
	next       *queue // among the ready ones, or the free ones
}

func (q *queue) push(it *item) {
	if q.tail == nil {
		q.head = it
	} else {
		q.tail.next = it
	}
	q.tail = it
	q.length++
}

func (q *queue) pop() *item {
	it := q.head
	q.head, it.next = it.next, nil
	if q.head == nil {
		q.tail = nil
	}
	q.length--
	return it
}

// queues is a first-in-first-out list of queues, so that ready keys take turns.
type queues struct {
	head, tail *queue
	length     int
}

func (l *queues) push(q *queue) {
	q.next = nil
	if l.tail == nil {
		l.head = q
	} else {
		l.tail.next = q
	}
	l.tail = q
	l.length++
}

func (l *queues) pop() *queue {
	q := l.head
	if l.head = q.next; l.head == nil {
		l.tail = nil
	}
	q.next = nil
	l.length--
	return q
}
