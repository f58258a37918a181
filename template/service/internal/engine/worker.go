package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// worker is a goroutine that runs one handler after the other.
type worker struct {
	engine *Engine
	item   *item     // that it handles; guarded by engine.mu
	since  time.Time // when it took that; guarded by engine.mu
	warned time.Time // when that was logged as stuck, or since; guarded by engine.mu
}

// startWorkers starts a worker for each message that is ready and may have one.
// What makes a message ready calls it, except for a worker that completes one: it
// takes the next itself. e.mu is held.
func (e *Engine) startWorkers() {
	for len(e.workers) < e.cfg.MaxWorkers {
		w := &worker{engine: e}
		if !w.take() {
			return
		}
		e.workers[w] = struct{}{}
		go w.run()
	}
}

// take gives the worker the next ready message. Lanes take turns, and so does what
// failed before in each. Of several lanes none may have more than half of the workers,
// and what failed before may have half of them and one: what is slow, or slow to fail,
// leaves workers to the rest. A lane's second handler starts only while there is memory
// for its copy. take returns false when there is no message. e.mu is held.
func (w *worker) take() bool {
	e := w.engine
	most := e.cfg.MaxWorkers
	if len(e.lanes) > 1 {
		most = max(most/2, 1)
	}
	i := slices.IndexFunc(e.turns, func(q *queue) bool {
		it, l := (*q)[0], (*q)[0].lane
		return l.running < most && (l.running == 0 || e.held+it.size <= e.cfg.MaxBufferBytes*3/2) &&
			(it.waits == notWaiting || e.retrying <= e.cfg.MaxWorkers/2)
	})
	if i < 0 || e.stopped.Err() != nil {
		return false
	}
	q := e.turns[i]
	it := (*q)[0]
	it.lane.running++
	it.lane.busy.Add(1)
	e.held += it.size // an attempt has a copy
	if it.waits != notWaiting {
		e.retrying++
	}
	w.item, w.since = it, time.Now()
	w.warned = w.since
	(*q)[0] = nil // the list's memory may live on
	*q = (*q)[1:]
	e.turns = slices.Delete(e.turns, i, i+1)
	if len(*q) > 0 {
		e.turns = append(e.turns, q)
	}
	return true
}

// run handles messages until none is ready.
func (w *worker) run() {
	for w.item != nil {
		w.attempt()
	}
}

// next completes what the worker handled with its outcome, and gives it the next
// message. Without one, the worker ends.
func (w *worker) next(outcome Event) {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	w.item.lane.complete(w.item, outcome)
	if !w.take() {
		w.item = nil
		delete(e.workers, w)
	}
	e.startWorkers()
}

// warnStuck logs a handler that has been running for StuckAfter, and again each
// time that passes once more.
func (e *Engine) warnStuck() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.workers {
		if time.Since(w.warned) >= e.cfg.StuckAfter {
			w.warned = time.Now()
			m := &w.item.msg
			go e.log.Warn("handler does not return", "topic", m.Topic, "partition", m.Partition, "offset", m.Offset,
				"running", time.Since(w.since).Round(time.Second)) // not with the lock held
		}
	}
}

// attempt runs the handler once, with its own copy of the message, whose retry policy
// the Registry sets, and its own context. However the handler ends, the attempt has an outcome.
func (w *worker) attempt() {
	e, it := w.engine, w.item
	ctx, cancel := context.WithDeadlineCause(it.lane.ctx, w.since.Add(e.cfg.HandlerTimeout), errTimeout)
	defer cancel() // also when the handler ends this goroutine
	m := clone(&it.msg)
	ctx = withLast(ctx, &it.span) //forge:if otel
	m.Retry = nil
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, cmp.Or(m.Retry, it.msg.Retry)
		w.next(w.endAttempt(ctx, err))
		if err == errNoReturn { //nolint:errorlint // the handler ended this goroutine with runtime.Goexit
			go w.run()
		}
	}()
	err = e.handler.Handle(ctx, &m)
}

// endAttempt decides about the message and reports what happened to it. A dead
// letter is reported when it is written.
func (w *worker) endAttempt(ctx context.Context, err error) (ev Event) {
	e, it := w.engine, w.item
	if err != nil {
		ev = e.decide(it, err, context.Cause(ctx))
	}
	ev.Message, ev.Elapsed = &it.msg, time.Since(w.since)
	ev.repeated = ev.waits == Unavailable && it.waits == Unavailable
	if ev.Kind != DeadLettered && ev.Kind != requeued {
		e.report(ev)
	}
	if ev.Kind == Stopped {
		e.stop(fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", it.msg.Topic, it.msg.Partition, it.msg.Offset, ev.Err))
	}
	return ev
}
