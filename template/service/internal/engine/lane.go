package engine

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Lane is one ordered unit of a source during one life: from its assignment
// until it is drained or lost. Deliver and Drain are for its owner, one
// goroutine.
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
	ready       fifo[*queue]
	waiting     map[*queue]*time.Timer // for their next attempt
	running     int                    // handlers
	writing     int                    // dead letters
	records     int                    // delivered and not terminal
	bytes       int64                  // of those
	unavailable int                    // those that wait for something unavailable
	held        int                    // those that are not dead letters only because of the pause
	reason      error                  // what the last of these two said
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
	if len(batch) == 0 {
		return
	}
	items := make([]*item, len(batch))
	for i := range batch {
		items[i] = newItem(&batch[i])
	}
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.ending {
		return
	}
	if l.tracker.end == 0 {
		l.identify(&batch[0])
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

// identify learns from the lane's first message which lane it is.
func (l *Lane) identify(m *message.Message) {
	l.topic, l.partition = m.Topic, m.Partition
	topics := l.engine.deadLettered
	if topics[l.topic] == nil {
		topics[l.topic] = new(deadLettering)
	}
	l.deadLetters = topics[l.topic]
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
		q.items.push(it)
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
	if len(l.ready) == 0 {
		l.engine.turns = append(l.engine.turns, l)
	}
	l.ready.push(q)
}

// take returns the lane's next ready key for a worker. The lane goes to the end
// of the turns if it has more.
func (l *Lane) take() *queue {
	q := l.ready.pop()
	l.running++
	if len(l.ready) > 0 {
		l.engine.turns = append(l.engine.turns, l)
	}
	return q
}

// handlerContext returns the context of one attempt.
func (l *Lane) handlerContext() (context.Context, context.CancelFunc) {
	if timeout := l.engine.cfg.HandlerTimeout; timeout > 0 {
		return context.WithTimeoutCause(l.ctx, timeout, errTimeout)
	}
	return context.WithCancel(l.ctx)
}

// complete does with a message what was decided after its attempt.
func (l *Lane) complete(w *worker) {
	e, q := l.engine, w.queue
	l.running--
	if w.err == nil {
		e.events[Handled]++
		e.resumeDeadLetters(l)
	}
	if l.detached {
		e.releaseKey(q)
		l.checkIdle()
		return
	}
	l.noteWaiting(q.items[0], w.decision, w.err)
	switch w.step {
	case stepDone:
		l.finish(q)
	case stepRetry:
		l.retryLater(q, w.decision)
	case stepDeadLetter:
		l.writing++
		go e.writeDeadLetter(q, w.err)
	case stepStop, stepLeave:
	}
	l.checkIdle()
}

// noteWaiting keeps account of why messages wait.
func (l *Lane) noteWaiting(it *item, d decision, err error) {
	count := func(n *int, was, is bool) {
		if was {
			*n--
		}
		if is {
			*n++
			l.reason = err
		}
	}
	count(&l.unavailable, it.unavailable, d.unavailable)
	count(&l.held, it.held, d.held)
	it.unavailable, it.held = d.unavailable, d.held
}

// finish makes the first message of q terminal. The next message of its key
// becomes ready.
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

// retryLater keeps q back until its first message is tried again. No worker
// waits with it.
func (l *Lane) retryLater(q *queue, d decision) {
	if l.ending {
		return
	}
	if !d.unavailable {
		q.items[0].msg.Attempt++
	}
	q.items[0].msg.Header = message.Header{}
	l.waiting[q] = time.AfterFunc(d.delay, func() {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		if l.waiting[q] == nil {
			return // the lane ended
		}
		delete(l.waiting, q)
		l.makeReady(q)
		l.engine.startWorker()
	})
}

// wait waits for d. It returns false when the lane ended before.
func (l *Lane) wait(d time.Duration) bool {
	select {
	case <-l.ended:
		return false
	case <-time.After(d):
		return true
	}
}
