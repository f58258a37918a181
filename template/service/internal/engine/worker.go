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
	engine  *Engine
	item    *item     // that it handles; guarded by engine.mu
	since   time.Time // when it took that; guarded by engine.mu
	warned  time.Time // when that was logged as stuck, or since; guarded by engine.mu
	outcome Event     // of its last attempt
	decided bool      // the attempt ended with that
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

// take gives the worker the next ready message. Lanes take turns, and of several
// none may have more than half of the workers, rounded up: a slow one leaves some
// to others. It returns false when there is none. e.mu is held.
func (w *worker) take() bool {
	e := w.engine
	most := e.cfg.MaxWorkers
	if len(e.lanes) > 1 {
		most = (most + 1) / 2
	}
	i := slices.IndexFunc(e.turns, func(l *Lane) bool { return l.running < most })
	if i < 0 || e.stopped.Err() != nil {
		return false
	}
	l := e.turns[i]
	l.running++
	l.busy.Add(1)
	w.item, w.since = l.ready[0], time.Now()
	l.ready[0] = nil // the list's memory may live on
	l.ready = l.ready[1:]
	w.warned = w.since
	e.turns = slices.Delete(e.turns, i, i+1)
	if len(l.ready) > 0 {
		e.turns = append(e.turns, l)
	}
	return true
}

// run handles messages until none is ready.
func (w *worker) run() {
	defer func() {
		if w.decided { // the handler ended this goroutine with runtime.Goexit; a panic of the engine ends the process
			w.next()
			go w.run()
		}
	}()
	for w.item != nil {
		w.attempt()
		w.next()
	}
}

// next completes what the worker handled, and gives it the next message. Without
// one, the worker ends.
func (w *worker) next() {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	w.decided = false
	w.item.lane.complete(w.item, w.outcome)
	if !w.take() {
		w.item = nil
		delete(e.workers, w)
	}
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

// attempt runs the handler once, with its own copy of the message and its own
// context. However the handler ends, the attempt has an outcome.
func (w *worker) attempt() {
	e, it := w.engine, w.item
	ctx, cancel := context.WithDeadlineCause(it.lane.ctx, w.since.Add(e.cfg.HandlerTimeout), errTimeout)
	defer cancel() // also when the handler ends this goroutine
	m := clone(&it.msg)
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, cmp.Or(m.Retry, it.msg.Retry)
		w.endAttempt(ctx, err)
		w.decided = true
	}()
	err = e.handler.Handle(ctx, &m)
}

// endAttempt decides about the message and reports what happened to it. A dead
// letter is reported when it is written.
func (w *worker) endAttempt(ctx context.Context, err error) {
	e, it, ev := w.engine, w.item, Event{Kind: Handled}
	if err != nil {
		ev = e.decide(it, err, context.Cause(ctx))
	}
	ev.Message, ev.Elapsed = &it.msg, time.Since(w.since)
	ev.repeated = ev.waits == Unavailable && it.waits == Unavailable
	w.outcome = ev
	if ev.Kind != DeadLettered && ev.Kind != requeued {
		e.report(ev)
	}
	if ev.Kind == Stopped {
		e.stop(fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", it.msg.Topic, it.msg.Partition, it.msg.Offset, ev.Err))
	}
}
