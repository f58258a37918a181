package engine

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Lane is one ordered unit of a source during one life: from its assignment
// until it is drained or lost. Deliver and Drain are for one goroutine.
type Lane struct {
	engine *Engine
	claim  Claim
	pauser Pauser // nil when the claim is none

	ctx    context.Context // of its handlers and dead letters; ends when they must give up
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when intake ends
	idle   chan struct{} // closed when it has ended and nothing runs

	// Guarded by engine.mu.
	ending      bool   // no handler starts any more
	detached    bool   // nothing is marked any more
	topic       string // known from the first message on
	partition   int32
	deadLetters *deadLettering // of the topic
	tracker     tracker
	keys        map[uint64]*item // the last message of each key, by the key's hash; keys that share one only wait for each other
	ready       fifo[*item]
	waiting     map[*item]*time.Timer // for their next attempt
	running     int                   // handlers
	writing     int                   // dead letters
	records     int                   // delivered and not terminal
	bytes       int64                 // of those
	refused     int                   // dead letters that are tried again
	waits       [waits]int            // messages by why they wait, except waitNot
	reason      error                 // of the last that waits
	paused      bool
	pausedAt    time.Time
	marked      uint64 // the low-water mark that was marked last
	committed   uint64 // and that was committed last
}

func newLane(e *Engine, c Claim) *Lane {
	l := &Lane{engine: e, claim: c, keys: map[uint64]*item{}, waiting: map[*item]*time.Timer{},
		ended: make(chan struct{}), idle: make(chan struct{})}
	l.pauser, _ = c.(Pauser)
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	return l
}

// item is a message on its way through the engine. The first one of a key is in
// exactly one place: ready, with a worker, waiting for its timer, or being
// written to the dead letters. The others wait behind it.
type item struct {
	msg     message.Message // as delivered; handlers get copies of it
	lane    *Lane
	next    *item         // of the same key
	hash    uint64        // of the key
	keyed   bool          // others may wait for it
	wait    wait          // why it waits, or waited before the present attempt
	seq     uint64        // its place in order of delivery
	size    int64         // what it counts for in bytes
	backoff retry.Backoff // nil before the first retry
}

// What counts besides a message's own bytes.
const (
	overhead       = 768 // its item, and the backoff and timer of one that waits for a retry
	headerOverhead = 64  // for each of its headers
)

// keyID names a key across the lives of its lane.
type keyID struct {
	topic     string
	partition int32
	hash      uint64
}

func (it *item) keyID() keyID { return keyID{it.msg.Topic, it.msg.Partition, it.hash} }

// newItem copies a message: what it points to may be part of a whole fetch, which
// would stay in memory with it.
func (l *Lane) newItem(m *message.Message) *item {
	cfg := &l.engine.cfg
	it := &item{msg: *m, lane: l, keyed: cfg.Ordering == OrderPartition}
	if cfg.Ordering == OrderKey && m.Key != nil {
		it.keyed, it.hash = true, maphash.Bytes(l.engine.seed, m.Key)
	}
	it.msg.Attempt, it.msg.Retry = 1, &cfg.Retry // unless its registration has a policy of its own
	size := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		size += len(h.Value)
	}
	block := make([]byte, 0, size)
	clone := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		block = append(block, b...)
		return block[len(block)-len(b) : len(block) : len(block)]
	}
	it.msg.Key, it.msg.Value, it.msg.Headers = clone(m.Key), clone(m.Value), nil
	for _, h := range m.Headers {
		it.msg.Headers = append(it.msg.Headers, message.Field{Key: h.Key, Value: clone(h.Value)})
		size += headerOverhead + len(h.Key)
	}
	it.size = int64(overhead + size)
	return it
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
		l.topic, l.partition = batch[0].Topic, batch[0].Partition
		if e.deadLettered[l.topic] == nil {
			e.deadLettered[l.topic] = &deadLettering{log: e.log.With("topic", l.topic)}
		}
		l.deadLetters = e.deadLettered[l.topic]
	}
	for _, it := range items {
		it.seq = l.tracker.add(it.msg.Offset)
		l.records++
		l.bytes += it.size
		l.enqueue(it)
	}
	l.adjustFlow()
	e.startWorker()
}

// enqueue puts a message behind the last one of its key, which may be one whose
// handler still runs for an earlier life of the lane.
func (l *Lane) enqueue(it *item) {
	if it.keyed {
		last := l.keys[it.hash]
		if last == nil {
			last = l.engine.lingering[it.keyID()]
		}
		l.keys[it.hash] = it
		if last != nil {
			last.next = it
			return
		}
	}
	l.makeReady(it)
}

// makeReady lets the first message of a key have a worker, in turn with the
// lane's other keys.
func (l *Lane) makeReady(it *item) {
	if len(l.ready) == 0 {
		l.engine.turns = append(l.engine.turns, l)
	}
	l.ready = append(l.ready, it)
}

// complete does with a message what was decided after its attempt.
func (l *Lane) complete(it *item, d decision) {
	l.running--
	if d.err == nil {
		l.deadLetters.resume()
	}
	l.waits[it.wait]--
	it.wait = d.wait
	l.waits[it.wait]++
	switch {
	case l.detached: // those of its key in the lane's present life waited for it
		delete(l.engine.lingering, it.keyID())
		if next := it.next; next != nil && !next.lane.ending {
			next.lane.makeReady(next)
		}
	case d.step == stepDone:
		l.finish(it)
	case d.step == stepRetry:
		if d.wait != waitRetry {
			l.reason = d.err
		}
		l.retryLater(it, d.delay)
	case d.step == stepDeadLetter:
		l.writing++
		go l.writeDeadLetter(it, d.err)
	}
	l.checkIdle()
}

// finish makes a message terminal, and the next of its key ready.
func (l *Lane) finish(it *item) {
	l.records--
	l.bytes -= it.size
	l.tracker.done(it.seq)
	l.adjustFlow()
	e := l.engine
	if e.terminal++; e.terminal >= e.cfg.CommitRecords { // the next commit is due before its time
		select {
		case e.commitNow <- struct{}{}:
		default:
		}
	}
	switch {
	case l.ending:
	case it.next != nil:
		l.makeReady(it.next)
	case it.keyed:
		delete(l.keys, it.hash)
	}
}

// retryLater keeps a message and its key back, but no worker, until it is tried again.
func (l *Lane) retryLater(it *item, delay time.Duration) {
	if l.ending {
		return
	}
	if it.msg.Header = (message.Header{}); it.wait != waitUnavailable {
		it.msg.Attempt++
	}
	l.waiting[it] = time.AfterFunc(delay, func() {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		if l.waiting[it] != nil { // else the lane ended
			delete(l.waiting, it)
			l.makeReady(it)
			l.engine.startWorker()
		}
	})
}

// refusedBackoff is the backoff between attempts to write a dead letter.
var refusedBackoff = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second}

// writeDeadLetter writes a message to the dead letters, again and again until
// that is acknowledged. Only then is the message terminal. When the lane ends
// first, the message will be delivered again.
func (l *Lane) writeDeadLetter(it *item, failed error) {
	e := l.engine
	f := Failure{Err: failed, Class: message.ClassOf(failed), Attempts: it.msg.Attempt, Time: time.Now()}
	refused := 0
	err := e.dead.DeadLetter(l.ctx, &it.msg, f)
	for backoff := refusedBackoff.Backoff(); err != nil && l.ctx.Err() == nil; err = e.dead.DeadLetter(l.ctx, &it.msg, f) {
		delay, _ := backoff.Next()
		e.reporter.report(Event{Kind: DeadLetterRefused, Message: &it.msg, Err: err, Delay: delay, repeated: refused == 1})
		e.mu.Lock()
		l.refused += 1 - refused
		e.mu.Unlock()
		refused = 1
		select {
		case <-l.ended:
		case <-time.After(delay):
			continue
		}
		break
	}
	if err == nil {
		e.reporter.report(Event{Kind: DeadLettered, Message: &it.msg, Err: failed})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l.writing--
	l.refused -= refused
	if err == nil && !l.detached {
		l.finish(it)
	}
	l.checkIdle()
	e.startWorker()
}

// above reports whether what the lane holds in memory, and what was delivered
// beyond its low-water mark, are above the nth part of their limits. Lanes share
// the bytes evenly.
func (l *Lane) above(nth int) (held, span bool) {
	c := &l.engine.cfg
	bytes := c.MaxBytes / int64(max(len(l.engine.lanes), 1)*nth)
	return l.records > c.MaxPollRecords/nth || l.bytes > bytes, len(l.tracker.places) > c.MaxUncommitted/nth
}

// adjustFlow pauses the claim above the limits and resumes it at half of them.
func (l *Lane) adjustFlow() {
	nth := 1
	if l.paused {
		nth = 2
	}
	held, span := l.above(nth)
	if full := held || span; l.pauser == nil || full == l.paused {
		return
	}
	if l.paused = !l.paused; !l.paused {
		l.pauser.Resume()
		return
	}
	l.pausedAt = time.Now()
	l.pauser.Pause()
}

// mark marks the low-water mark at the claim and returns it.
func (l *Lane) mark() uint64 {
	if l.tracker.base > l.marked {
		l.claim.Mark(l.tracker.low)
		l.marked = l.tracker.base
	}
	return l.marked
}
