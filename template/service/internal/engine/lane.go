package engine

import (
	"context"
	"sync"
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
	busy   sync.WaitGroup // of handlers, and of dead letters being written

	// Guarded by engine.mu.
	ending      bool   // no handler starts any more
	detached    bool   // nothing is marked any more
	topic       string // known from the first message on
	partition   int32
	deadLetters *deadLettering // of the topic
	tracker     tracker
	keys        map[uint64]*item // the last message of each key, by the key's hash; keys that share one only wait for each other
	ready       fifo[*item]
	timers      map[*item]*time.Timer // of those that wait for their next attempt
	running     int                   // handlers
	records     int                   // delivered and not done
	bytes       int64                 // of those
	waitCounts  [waitReasons]int      // messages by why they wait, except notWaiting
	lastWaitErr error                 // of the last that waits
	paused      bool
	pausedAt    time.Time
	marked      uint64 // the low-water mark that was marked last
	committed   uint64 // and that was committed last
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
	for _, it := range items {
		it.seq = l.tracker.add(it.msg.Offset)
		l.records++
		l.bytes += it.size
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

// begin notes whose messages the lane has. Those of keys whose handlers outlived
// an earlier life of it wait behind these.
func (l *Lane) begin(topic string, partition int32) {
	e := l.engine
	l.topic, l.partition = topic, partition
	if e.deadLettered[topic] == nil {
		e.deadLettered[topic] = &deadLettering{log: e.log.With("topic", topic)}
	}
	l.deadLetters = e.deadLettered[topic]
	for w := range e.workers {
		if it := w.item; it.keyed && it.lane.detached && it.lane.topic == topic && it.lane.partition == partition {
			it.successor, it.next = l, nil
			l.keys[it.hash] = it
		}
	}
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
	if d.err == nil && l.deadLetters.inARow > 0 {
		l.deadLetters.resume()
	}
	if it.waitReason != d.waitReason || d.err != nil {
		l.setWaitReason(it, d.waitReason, d.err)
	}
	switch {
	case l.detached:
		if it.successor != nil {
			it.successor.releaseKey(it)
		}
	case d.kind == Handled, d.kind == Skipped:
		l.markDone(it)
	case d.kind == Retrying, d.kind == Unavailable:
		if it.msg.Header = (message.Header{}); d.waitReason != waitUnavailable {
			it.msg.Attempt++
		}
		l.schedule(d.delay, it, func() {
			l.makeReady(it)
			l.engine.startWorkers()
		})
	case d.kind == DeadLettered:
		f := Failure{Err: d.err, Class: message.ClassOf(d.err), Attempts: it.msg.Attempt, Time: time.Now()}
		l.busy.Go(func() { l.writeDeadLetter(it, f) })
	}
	l.busy.Done()
}

// setWaitReason notes why a message waits.
func (l *Lane) setWaitReason(it *item, why waitReason, err error) {
	l.waitCounts[it.waitReason]--
	l.waitCounts[why]++
	if it.waitReason = why; why > waitRetry {
		l.lastWaitErr = err
	}
}

// markDone makes a message done.
func (l *Lane) markDone(it *item) {
	l.records--
	l.bytes -= it.size
	l.tracker.done(it.seq)
	l.adjustFlow()
	e := l.engine
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
	ev := Event{Kind: DeadLettered, Message: &it.msg, Err: f.Err}
	err := e.dead.DeadLetter(l.ctx, &it.msg, f)
	if err != nil {
		if l.ctx.Err() != nil {
			return
		}
		if it.waitReason != waitRefused {
			it.backoff = refusedBackoff.Backoff()
		}
		ev = Event{Kind: DeadLetterRefused, Message: &it.msg, Err: err, repeated: it.waitReason == waitRefused}
		ev.Delay, _ = it.backoff.Next()
	}
	e.reporter.report(ev)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err != nil:
		l.setWaitReason(it, waitRefused, err)
		l.schedule(ev.Delay, it, func() { l.busy.Go(func() { l.writeDeadLetter(it, f) }) })
	case !l.detached:
		l.setWaitReason(it, notWaiting, nil)
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
	bytes := c.MaxBytes / int64(max(len(l.engine.lanes), 1)*divisor)
	full := l.records > c.MaxPollRecords/divisor || l.bytes > bytes || len(l.tracker.places) > c.MaxUncommitted/divisor
	if l.pauser == nil || full == l.paused {
		return
	}
	if l.paused = full; !full {
		l.pauser.Resume()
		return
	}
	l.pausedAt = time.Now()
	l.pauser.Pause()
}

// mark marks the low-water mark at the claim and returns it.
func (l *Lane) mark() uint64 {
	if l.tracker.base > l.marked {
		l.claim.Mark(l.tracker.lowWaterMark)
		l.marked = l.tracker.base
	}
	return l.marked
}
