package kafka

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	// batchBytes bounds what is sent to a partition at once. It lies below
	// the 1 MiB that a topic takes by default, so that small messages
	// together are not refused for their size.
	batchBytes = 1_000_000
	// soloBytes bounds a message sent alone: what a request can carry at all.
	soloBytes = 100<<20 - 1<<16
)

// lane publishes the messages of one partition, batch by batch: each is tried
// until the broker has it or it is given up, and only then comes the next. So
// nothing overtakes what is tried again, and the broker can tell an attempt
// whose answer was lost from the next.
type lane struct {
	topic     *topic
	partition int32

	queue   []*outgoing // under the queues' lock; what is being published stays in it
	running bool        // under the queues' lock

	// Of the goroutine that runs.
	stamp stamp
	most  int64 // bytes of a batch; less once the topic refused one for its size
	stale bool  // an attempt failed, so the partition may be led by another broker
}

// batch is some messages of a lane that travel together.
type batch struct {
	messages []*outgoing
	records  *sarama.RecordBatch
	deadline time.Time // the earliest of the messages'
	maybe    bool      // an attempt may have written it
}

// add is called with the lock.
func (l *lane) add(o *outgoing) {
	l.queue = append(l.queue, o)
	if !l.running {
		l.running = true
		go l.run()
	}
}

func (l *lane) run() {
	for l.publish() {
	}
}

// publish publishes what is first in the queue, and reports whether there was
// anything.
func (l *lane) publish() bool {
	q := l.topic.queues
	tries := q.policy.begin()
	most := l.most
	var b *batch
	for {
		if b = l.next(b, most); b == nil {
			return false
		}
		a := l.attempt(b)
		switch {
		case a.err == nil:
			l.stale = false
			l.stamp.sequence = after(l.stamp.sequence, len(b.messages))
			l.land(b, a.offset, nil)
			return true
		case isRefusal(a.err) && len(b.messages) > 1:
			most, b.maybe = size(b.messages)/2, false // each may have been refused for the company it was in
			if tooLarge(a.err) {
				l.most = most
			}
			continue
		case tooLarge(a.err):
			a.err = fmt.Errorf("%w: %w", ErrTooLarge, a.err)
			fallthrough
		case hopeless(a.err):
			if b.maybe {
				l.stamp.spend()
			}
			l.land(b, -1, a.err)
			return true
		}
		l.failed(b, a.err)
		q.pause(next(tries), b.deadline)
	}
}

// attempt tries to publish b once.
func (l *lane) attempt(b *batch) answer {
	q := l.topic.queues
	call := &produceCall{topic: l.topic.name, partition: l.partition, records: b.records, stamp: l.stamp, refresh: l.stale}
	a, ok := await(q, b.deadline, func() answer { return q.link.produce(call) })
	if !ok {
		a = call.giveUp()
	}
	l.stamp = a.stamp
	if b.maybe && errors.Is(a.err, sarama.ErrDuplicateSequenceNumber) {
		a.err = nil // an earlier attempt had written it
	}
	b.maybe = b.maybe || a.maybe
	if forgotten(a.err) {
		l.stamp.spend()
	}
	return a
}

// next returns what is to be published next: what was tried before as it is,
// if it may have been written, and else whatever is first by now. It gives up
// messages whose patience is at an end, and returns nil when none is left. A
// new batch has no more bytes than most.
func (l *lane) next(tried *batch, most int64) *batch {
	q := l.topic.queues
	q.mu.Lock()
	held := 0
	if tried != nil && tried.maybe {
		if q.keeps(tried) {
			held = len(tried.messages)
		} else {
			// What is left of it is written by a new stamp, because the
			// broker would take the old one's for a repetition.
			l.stamp.spend()
		}
	}
	stay, gone := q.sift(l.queue[held:])
	if len(gone) > 0 {
		l.queue = append(l.queue[:held:held], stay...)
	}
	l.running = len(l.queue) > 0
	first := tried
	if held == 0 && l.running {
		first = &batch{messages: slices.Clone(head(l.queue, most))}
	}
	trouble, running := l.topic.trouble, l.running
	q.mu.Unlock()
	q.giveUp(gone, trouble)
	switch {
	case !running:
		return nil
	case held == 0:
		first.deadline = earliest(first.messages)
		first.records = recordBatch(first.messages)
	}
	return first
}

// keeps reports whether a batch that may have been written stays as it is. It
// is called with the lock.
func (q *queues) keeps(b *batch) bool {
	if q.abandoned() {
		return false
	}
	now, wanted := time.Now(), false
	for _, o := range b.messages {
		if o.over(now) {
			return false
		}
		wanted = wanted || !o.cancelled.Load()
	}
	return wanted
}

// failed notes an attempt that failed.
func (l *lane) failed(b *batch, err error) {
	l.stale = true
	q := l.topic.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	l.topic.note(err)
	for _, o := range b.messages {
		o.attempts++
	}
}

// land takes b out of the queue and tells what became of it.
func (l *lane) land(b *batch, offset int64, err error) {
	q := l.topic.queues
	q.mu.Lock()
	l.queue = slices.Delete(l.queue, 0, len(b.messages))
	l.topic.trouble = err
	q.mu.Unlock()
	partition := l.partition
	if err != nil {
		partition = -1
	}
	q.finish(b.messages, partition, offset, err)
}

// head returns the first messages of a queue: one at least, and no more bytes
// than most.
func head(queue []*outgoing, most int64) []*outgoing {
	bytes := queue[0].size
	n := 1
	for n < len(queue) && bytes+queue[n].size <= most {
		bytes += queue[n].size
		n++
	}
	return queue[:n]
}

func size(messages []*outgoing) (bytes int64) {
	for _, o := range messages {
		bytes += o.size
	}
	return bytes
}

// recordBatch returns messages as they go over the wire. A nil key or value
// stays nil, an empty one empty.
func recordBatch(messages []*outgoing) *sarama.RecordBatch {
	first := messages[0].time.Truncate(time.Millisecond)
	records := make([]sarama.Record, len(messages))
	b := &sarama.RecordBatch{
		Version: 2, FirstTimestamp: first, MaxTimestamp: first,
		LastOffsetDelta:  int32(len(messages) - 1),
		CompressionLevel: sarama.CompressionLevelDefault, // 0 is none, for gzip
		Records:          make([]*sarama.Record, len(messages)),
	}
	for i, o := range messages {
		r, m := &records[i], o.message
		r.Key, r.Value, r.OffsetDelta = m.Key, m.Value, int64(i)
		r.TimestampDelta = o.time.Truncate(time.Millisecond).Sub(first)
		if at := first.Add(r.TimestampDelta); at.After(b.MaxTimestamp) {
			b.MaxTimestamp = at
		}
		headers := make([]sarama.RecordHeader, len(m.Headers))
		for j, h := range m.Headers {
			headers[j] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
			r.Headers = append(r.Headers, &headers[j])
		}
		b.Records[i] = r
	}
	return b
}
