package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

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
	keys        map[uint64]*queue // by the hash of the key; keys that share one only wait for each other
	readyKeys   fifo[*queue]
	waiting     map[*queue]*time.Timer // for their next attempt
	running     int                    // handlers
	writing     int                    // dead letters
	records     int                    // delivered and not terminal
	bytes       int64                  // of those
	refused     int                    // dead letters that are tried again
	waits       [waits]int             // messages by why they wait, except waitNot
	reason      error                  // of the last that waits
	paused      bool
	pausedAt    time.Time
	marked      uint64 // the low-water mark that was marked last
	committed   uint64 // and that was committed last
}

func newLane(e *Engine, c Claim) *Lane {
	l := &Lane{engine: e, claim: c, keys: map[uint64]*queue{}, waiting: map[*queue]*time.Timer{},
		ended: make(chan struct{}), idle: make(chan struct{})}
	l.pauser, _ = c.(Pauser)
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	return l
}

// Deliver hands over messages in the order of the lane, best some hundred at
// once. It never waits for work; above its limits it pauses the claim. The
// engine copies the messages and what they point to. What is delivered to an
// ending lane is dropped: it will be delivered again.
func (l *Lane) Deliver(batch []message.Message) {
	e := l.engine
	items := make([]*item, len(batch))
	for i := range batch {
		items[i] = newItem(&batch[i], &e.cfg.Retry)
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

// enqueue adds a message to the queue of its key. A new queue is ready, unless
// a handler of its key still runs for an earlier life of the lane.
func (l *Lane) enqueue(it *item) {
	e := l.engine
	keyed := e.cfg.Ordering == OrderPartition || e.cfg.Ordering == OrderKey && it.msg.Key != nil
	var hash uint64
	if keyed && e.cfg.Ordering == OrderKey {
		hash = maphash.Bytes(e.seed, it.msg.Key)
	}
	if q := l.keys[hash]; keyed && q != nil {
		q.items = append(q.items, it)
		return
	}
	q := &queue{lane: l, items: fifo[*item]{it}, hash: hash, keyed: keyed}
	if keyed {
		l.keys[hash] = q
	}
	if _, lingers := e.lingering[q.id()]; keyed && lingers {
		e.lingering[q.id()] = q
		return
	}
	l.makeReady(q)
}

// makeReady lets q have a worker, in turn with the lane's other keys.
func (l *Lane) makeReady(q *queue) {
	if len(l.readyKeys) == 0 {
		l.engine.turns = append(l.engine.turns, l)
	}
	l.readyKeys = append(l.readyKeys, q)
}

// complete does with a message what was decided after its attempt.
func (l *Lane) complete(w *worker) {
	e, q := l.engine, w.queue
	l.running--
	if w.err == nil {
		l.deadLetters.resume()
	}
	it := w.item
	l.waits[it.wait]--
	it.wait = w.wait
	l.waits[it.wait]++
	switch {
	case l.detached:
		l.releaseKey(q)
	case w.step == stepDone:
		l.finish(q)
	case w.step == stepRetry:
		if w.wait != waitRetry {
			l.reason = w.err
		}
		l.retryLater(q, w.delay)
	case w.step == stepDeadLetter:
		l.writing++
		go e.writeDeadLetter(q, it, w.err)
	}
	l.checkIdle()
}

// finish makes the first message of q terminal, and the next of its key ready.
func (l *Lane) finish(q *queue) {
	it := q.items.pop()
	l.records--
	l.bytes -= it.size
	l.tracker.done(it.seq)
	l.engine.countTerminal()
	l.adjustFlow()
	switch {
	case l.ending:
	case len(q.items) > 0:
		l.makeReady(q)
	case q.keyed:
		delete(l.keys, q.hash)
	}
}

// releaseKey lets the key of a handler that outlived its lane go on in the
// lane's present life.
func (l *Lane) releaseKey(q *queue) {
	waiting := l.engine.lingering[q.id()]
	delete(l.engine.lingering, q.id())
	if waiting != nil && !waiting.lane.ending {
		waiting.lane.makeReady(waiting)
	}
}

// retryLater keeps q back, but no worker, until its first message is tried again.
func (l *Lane) retryLater(q *queue, delay time.Duration) {
	if l.ending {
		return
	}
	it := q.items[0]
	if it.msg.Header = (message.Header{}); it.wait != waitUnavailable {
		it.msg.Attempt++
	}
	l.waiting[q] = time.AfterFunc(delay, func() {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		if l.waiting[q] != nil { // else the lane ended
			delete(l.waiting, q)
			l.makeReady(q)
			l.engine.startWorker()
		}
	})
}

// above reports whether what the lane holds in memory, and what was delivered
// beyond its low-water mark, are above the nth part of their limits. Lanes share
// the bytes evenly.
func (l *Lane) above(nth int) (held, span bool) {
	c := &l.engine.cfg
	bytes := c.MaxBytes / int64(max(len(l.engine.lanes), 1)*nth)
	return l.records > c.MaxPollRecords/nth || l.bytes > bytes, l.tracker.span() > c.MaxUncommitted/nth
}

// adjustFlow pauses the claim above the limits and resumes it at half of them.
func (l *Lane) adjustFlow() {
	if l.pauser == nil {
		return
	}
	held, span := l.above(1)
	if !l.paused && (held || span) {
		l.paused, l.pausedAt = true, time.Now()
		l.pauser.Pause()
	}
	if held, span = l.above(2); l.paused && !held && !span {
		l.paused = false
		l.pauser.Resume()
	}
}

// Drain ends the lane's life in good order: no handler starts any more, what
// waits is dropped (it will be delivered again), what runs may finish, and the
// low-water mark is marked and committed. Handlers have 4/5 of DrainTimeout,
// then their contexts end. It returns by DrainTimeout or the end of ctx, with
// what was not done. To drain a lane that ended does nothing.
func (l *Lane) Drain(ctx context.Context) error {
	timeout := l.engine.cfg.DrainTimeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !l.endIntake() {
		return nil
	}
	select {
	case <-l.idle:
	case <-ctx.Done():
	case <-time.After(timeout * 4 / 5):
	}
	l.cancel(errDraining)
	var err error
	select {
	case <-l.idle:
	case <-time.After(timeout / 10): // what is left is for the commit
		err = fmt.Errorf("engine: handlers still run after %v; their messages will be delivered again", timeout)
	}
	if l.detach(true) {
		err = errors.Join(err, l.commit(ctx))
	}
	return err
}

// Lose ends the lane's life at once: another member of the group has it already.
// Nothing is marked or committed, and the contexts of its handlers end. It may be
// called while Drain waits for them, which then commits nothing.
func (l *Lane) Lose() {
	l.endIntake()
	l.detach(false)
}

// endIntake drops what has not started. It returns false when it was done before.
func (l *Lane) endIntake() bool {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.ending {
		return false
	}
	l.ending = true
	close(l.ended)
	for _, timer := range l.waiting {
		timer.Stop()
	}
	e.turns = slices.DeleteFunc(e.turns, func(other *Lane) bool { return other == l })
	l.readyKeys, l.keys, l.waiting = nil, nil, nil
	l.checkIdle()
	return true
}

// checkIdle signals a drain when nothing of the lane runs any more.
func (l *Lane) checkIdle() {
	if l.ending && l.running+l.writing == 0 {
		close(l.idle)
	}
}

// detach ends the lane: it marks the low-water mark, if mark is set, resumes the
// claim, as a pause would outlive the lane, and ends the contexts of handlers. It
// reports whether there is something to commit.
func (l *Lane) detach(mark bool) bool {
	l.cancel(errDraining)
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.detached {
		return false
	}
	if mark {
		l.mark()
	}
	l.detached = true
	if l.paused {
		l.pauser.Resume()
	}
	for w := range e.workers {
		if w.queue != nil && w.queue.lane == l && w.queue.keyed {
			e.lingering[w.queue.id()] = nil // its next life holds the key back
		}
	}
	e.lanes = slices.DeleteFunc(e.lanes, func(other *Lane) bool { return other == l })
	for _, other := range e.lanes { // they may have more of everything now
		other.adjustFlow()
	}
	e.startWorker()
	return mark && l.marked != l.committed
}
