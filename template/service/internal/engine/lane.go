package engine

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Lane is one ordered unit of a source during one life: from its assignment
// until it is drained or lost. Deliver and Drain are for one goroutine.
type Lane struct {
	engine *Engine
	claim  Claim
	acker  Acker // the claim, if it is a queue's

	ctx    context.Context // of its handlers and dead letters; ends when they must give up
	cancel context.CancelCauseFunc
	busy   sync.WaitGroup // of handlers, and of dead letters being written

	// Guarded by engine.mu.
	ending      bool   // no handler starts any more
	detached    bool   // nothing is marked any more
	topic       string // known from the first message on
	partition   int32
	tracker     tracker
	keys        map[uint64]*item      // the last message of each key, by the key's hash; keys that share one only wait for each other
	fresh       queue                 // of what is ready, what has not failed yet
	retries     queue                 // and what has
	running     int                   // handlers, also those that outlived an earlier life of the lane
	timers      map[*item]*time.Timer // of those that wait for their next attempt
	bytes       int64                 // of what is delivered and not done
	waiting     [held + 1]int         // messages by why they wait, except notWaiting
	lastWaitErr error                 // of the last that waits
	paused      bool
	idleSince   time.Time // when it is paused: since when nothing of it was done
	marked      uint64    // the low-water mark that was marked last
	committed   uint64    // and that was committed last
}

// queue has the next message first.
type queue []*item

// item is a message on its way through the engine. The first one of a key is in
// exactly one place: ready, with a worker, waiting for its timer, or being
// written to the dead letters. The others wait behind it.
type item struct {
	msg       message.Message // as delivered; handlers get copies of it
	lane      *Lane
	next      *item         // of the same key
	successor *Lane         // the lane's latest life, if the handler outlived its own
	hash      uint64        // of the key
	keyed     bool          // others may wait for it
	waits     EventKind     // why it waits, or waited before the present attempt
	seq       uint64        // how many were delivered before it
	before    int64         // the offset of the last of those
	place     *list.Element // among those that are not done
	since     time.Time     // when it was written
	size      int64         // what it counts for in bytes
	backoff   retry.Backoff // nil before the first retry
	span      SpanContext   // of the last attempt //forge:if otel
}

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

// What counts besides a message's own bytes.
const (
	overhead       = 768 // its item, and the backoff and timer of one that waits for a retry
	headerOverhead = 64  // for each of its headers
)

// newItem copies a message: what it points to may be part of a whole fetch, which
// would stay in memory with it. It needs no lock.
func (l *Lane) newItem(m *message.Message) *item {
	cfg := &l.engine.cfg
	it := &item{msg: clone(m), lane: l, keyed: cfg.Ordering == OrderPartition, size: int64(overhead + len(m.Key) + len(m.Value))}
	for _, h := range m.Headers {
		it.size += int64(headerOverhead + len(h.Key) + len(h.Value))
	}
	if cfg.Ordering == OrderKey && m.Key != nil {
		it.keyed, it.hash = true, maphash.Bytes(l.engine.seed, m.Key)
	}
	it.msg.Attempt, it.msg.Retry = 1, &cfg.Retry // unless its registration has a policy of its own
	return it
}

// clone returns a copy of a message that shares no bytes with it.
func clone(m *message.Message) message.Message {
	c := *m
	c.Key, c.Value, c.Headers = bytes.Clone(m.Key), bytes.Clone(m.Value), slices.Clone(m.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return c
}

// Deliver hands over messages in the order of the lane, best some hundred at
// once. It never waits for work; above its limits it pauses the claim. The
// engine copies the messages and what they point to. What is delivered to an
// ending lane is dropped: it will be delivered again.
func (l *Lane) Deliver(batch []message.Message) {
	e := l.engine
	items := make([]*item, len(batch))
	for i := range batch {
		items[i] = l.newItem(&batch[i])
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.ending || len(batch) == 0 {
		return
	}
	if l.topic == "" {
		l.begin(batch[0].Topic, batch[0].Partition)
	}
	now := time.Now()
	for _, it := range items {
		it.since = cmp.Or(it.msg.Time, now)
		l.tracker.add(it)
		l.bytes += it.size
		e.held += it.size
		last := l.keys[it.hash]
		if it.keyed {
			l.keys[it.hash] = it
		}
		if it.keyed && last != nil {
			last.next = it
		} else {
			l.makeReady(it)
		}
	}
	l.adjustFlow()
	e.startWorkers()
}

// begin notes whose messages the lane has. Handlers that outlived an earlier life of
// it keep their keys and count as its own.
func (l *Lane) begin(topic string, partition int32) {
	e := l.engine
	l.topic, l.partition = topic, partition
	for w := range e.workers {
		if it := w.item; it.lane.detached && it.lane.topic == topic && it.lane.partition == partition {
			it.successor, it.next = l, nil // what waited behind it is of the life that ended
			l.running++
			if it.keyed {
				l.keys[it.hash] = it
			}
		}
	}
}

// makeReady lets the first message of a key have a worker, in turn with the
// lane's other keys.
func (l *Lane) makeReady(it *item) {
	q := &l.fresh
	if it.waits != notWaiting {
		q = &l.retries
	}
	if len(*q) == 0 {
		l.engine.turns = append(l.engine.turns, q)
	}
	*q = append(*q, it)
}

// complete does with a message what was decided after its attempt.
func (l *Lane) complete(it *item, ev Event) {
	l.running--
	l.engine.held -= it.size
	if it.waits != notWaiting {
		l.engine.retrying--
	}
	if ev.Kind == Handled && l.engine.failedInARow[l.topic] > 0 {
		l.engine.resumeDeadLettering(l.topic)
	}
	if it.waits != ev.waits || ev.Err != nil {
		l.setWaits(it, ev.waits, ev.Err)
	}
	switch {
	case l.detached:
		if it.successor != nil {
			it.successor.running--
			it.successor.releaseKey(it)
		}
	case ev.Kind == Handled, ev.Kind == Ignored, ev.Kind == Skipped:
		l.markDone(it)
	case ev.Kind == Retrying, ev.Kind == Unavailable:
		it.msg.Header = message.Header{}
		if ev.waits != Unavailable {
			it.msg.Attempt++
		}
		l.schedule(ev.Delay, it, func() {
			l.makeReady(it)
			l.engine.startWorkers()
		})
	case ev.Kind == DeadLettered:
		f := Failure{Err: ev.Err, Class: message.ClassOf(ev.Err), Attempts: it.msg.Attempt, Time: time.Now(), elapsed: ev.Elapsed}
		f.Span = it.span //forge:if otel
		l.busy.Go(func() { l.writeDeadLetter(it, f) })
	}
	l.busy.Done()
}

// setWaits notes why a message waits.
func (l *Lane) setWaits(it *item, why EventKind, err error) {
	l.waiting[it.waits]--
	l.waiting[why]++
	if it.waits = why; why > Retrying {
		l.lastWaitErr = err
	}
}

// markDone makes a message done.
func (l *Lane) markDone(it *item) {
	e := l.engine
	l.bytes -= it.size
	e.held -= it.size
	l.tracker.open.Remove(it.place)
	if l.acker != nil {
		l.acker.Ack(it.msg.Offset)
	}
	if l.paused {
		l.idleSince = time.Now()
	}
	l.adjustFlow()
	if e.doneSinceCommit++; e.doneSinceCommit >= e.cfg.CommitRecords {
		select {
		case e.commitNow <- struct{}{}:
		default:
		}
	}
	l.releaseKey(it)
}

// releaseKey makes the next message of a key ready.
func (l *Lane) releaseKey(it *item) {
	switch {
	case l.ending:
	case it.next != nil:
		l.makeReady(it.next)
	case it.keyed:
		delete(l.keys, it.hash)
	}
}

// schedule has f called with engine.mu held, unless the lane ends before. Meanwhile the
// message and its key wait, but no worker does.
func (l *Lane) schedule(delay time.Duration, it *item, f func()) {
	if l.ending {
		return
	}
	l.timers[it] = time.AfterFunc(delay, func() {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		if l.timers[it] != nil { // else the lane ended
			delete(l.timers, it)
			f()
		}
	})
}

// refusedBackoff is the backoff between attempts to write a dead letter.
var refusedBackoff = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// writeDeadLetter writes a message to the dead letters, again and again until
// that is acknowledged. Only then is the message done. When the lane ends
// first, the message will be delivered again.
func (l *Lane) writeDeadLetter(it *item, f Failure) {
	e := l.engine
	ev := Event{Kind: DeadLettered, Message: &it.msg, Err: f.Err, Elapsed: f.elapsed}
	err := e.dead.DeadLetter(l.ctx, &it.msg, f)
	if err != nil {
		if l.ctx.Err() != nil {
			return
		}
		if it.waits != DeadLetterRefused {
			it.backoff = refusedBackoff.Backoff()
		}
		ev = Event{Kind: DeadLetterRefused, Message: &it.msg, Err: err, repeated: it.waits == DeadLetterRefused}
		ev.Delay, _ = it.backoff.Next()
	}
	e.report(ev)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil:
		l.setWaits(it, DeadLetterRefused, err)
		l.schedule(ev.Delay, it, func() { l.busy.Go(func() { l.writeDeadLetter(it, f) }) })
	case !l.detached:
		l.setWaits(it, notWaiting, nil)
		l.markDone(it)
		e.startWorkers()
	}
}

// adjustFlow pauses the claim when what the lane holds in memory, or what was
// delivered beyond its low-water mark, is above its limit, and resumes it at half
// of the limits. Lanes share the bytes evenly.
func (l *Lane) adjustFlow() {
	c, divisor := &l.engine.cfg, 1
	if l.paused {
		divisor = 2
	}
	bytes := c.MaxBufferBytes / int64(max(len(l.engine.lanes), 1)*divisor)
	below, _ := l.tracker.lowWaterMark()
	full := l.tracker.open.Len() > c.MaxPollRecords/divisor || l.bytes > bytes || int(l.tracker.delivered-below) > c.MaxUncommitted/divisor
	switch {
	case full && !l.paused:
		l.idleSince = time.Now()
		l.claim.Pause()
	case !full && l.paused:
		l.claim.Resume()
	}
	l.paused = full
}

// mark marks the low-water mark at the claim.
func (l *Lane) mark() {
	if done, offset := l.tracker.lowWaterMark(); done > l.marked && !l.detached {
		l.claim.Mark(offset)
		l.marked = done
	}
}
