package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Reasons why a handler's context ended.
var (
	errTimeout  = errors.New("the handler ran out of time")
	errDraining = errors.New("the service is giving the message back")
)

// worker is a goroutine that runs handlers, one at a time.
type worker struct {
	engine *Engine
	runs   []run // what it took from lane
	passed int64 // successes that are not counted yet

	// count is odd while a handler runs and grows with each start and end. Who
	// sets interrupted while it is odd ends the context of that handler and of
	// no other.
	count   atomic.Uint64
	context atomic.Pointer[handlerContext]
	lane    atomic.Pointer[Lane] // whose lock guards runs; nil between two
	item    atomic.Pointer[item]

	// What the watch saw, for its eyes only.
	seen      uint64
	seenSince time.Time
}

const interrupted = 1 << 63

// handlerContext is what handlers get. It serves many messages, one after the
// other, until it has to be ended.
type handlerContext struct {
	context.Context
	cancel context.CancelCauseFunc
}

func newWorker(e *Engine) *worker {
	w := &worker{engine: e, runs: make([]run, 0, maxTake)}
	w.renew()
	return w
}

func (w *worker) renew() {
	ctx, cancel := context.WithCancelCause(context.Background())
	w.context.Store(&handlerContext{ctx, cancel})
}

func (w *worker) loop() {
	var l *Lane
	for {
		if l = w.engine.next(l); l == nil {
			w.context.Load().cancel(nil)
			return
		}
		l.take(w)
		if len(w.runs) > 0 {
			if l.batch.Size > 0 {
				w.handleBatch(l)
			} else {
				w.handleAll(l)
			}
			w.countPassed()
		}
		l.complete(w)
		clear(w.runs)
		w.runs = w.runs[:0]
		w.item.Store(nil)
	}
}

// handleAll handles what the worker took, as far as its turn goes. It leaves
// the rest when that ends, or the lane.
func (w *worker) handleAll(l *Lane) {
	began := time.Now()
	var passed time.Duration // since then; to ask for that alone is half the price of the time
	handled := 0
	for i := range w.runs {
		r := &w.runs[i]
		if !r.own() {
			continue // it was taken back
		}
		it := r.queue.head
		for {
			if l.ending.Load() || handled > 0 && (passed > turn || w.engine.breaker.open.Load()) {
				l.learn(passed, handled)
				return
			}
			before, came := passed, it.delivered()
			aborted, err := w.guard(it, func(ctx context.Context) error { return w.engine.handler.Handle(ctx, &it.msg) })
			it.restore(came)
			passed = time.Since(began)
			it.elapsed = passed - before
			handled++
			r.done++
			it.failed = err
			w.judge(l, it, aborted)
			if err != nil || r.done == r.limit {
				break // the next one belongs to the lane: it may be changing
			}
			it = it.next
		}
	}
	l.learn(passed, handled)
}

// handleBatch handles what the worker took all at once.
func (w *worker) handleBatch(l *Lane) {
	if l.ending.Load() {
		return
	}
	batch, came := make([]*message.Message, len(w.runs)), make([]delivered, len(w.runs))
	for i := range w.runs {
		it := w.runs[i].queue.head
		batch[i], came[i] = &it.msg, it.delivered()
	}
	began := time.Now()
	var outcomes []error
	aborted, err := w.guard(w.runs[0].queue.head, func(ctx context.Context) error {
		outcomes = w.engine.batcher.HandleBatch(ctx, batch)
		for i, err := range outcomes {
			outcomes[i] = askable(err)
		}
		return errors.Join(outcomes...)
	})
	elapsed := time.Since(began)
	timeout := errors.Is(err, errTimeout)
	for i := range w.runs {
		r := &w.runs[i]
		it := r.queue.head
		it.restore(came[i])
		r.done, it.elapsed, it.failed = 1, elapsed, err
		if outcomes != nil {
			it.failed = outcomes[i]
		}
		if it.failed != nil && timeout {
			it.failed = timedOut(it.failed, w.engine.cfg.HandlerTimeout)
		}
		w.judge(l, it, aborted)
	}
}

// judge decides about a message that was handled.
func (w *worker) judge(l *Lane, it *item, aborted bool) {
	if it.failed != nil {
		w.countPassed() // the breaker compares failures with successes
		it.verdict = l.judge(it, aborted)
		return
	}
	it.verdict = terminal
	w.passed++
	w.engine.handled(it)
}

// countPassed counts the successes since the last time. It is not done for each
// message, because workers would wait for each other.
func (w *worker) countPassed() {
	w.engine.counters.add(Handled, w.passed)
	w.passed = 0
}

// guard runs a handler, for one message or a batch that begins with it. It
// reports whether the handler was told to give up because the lane ends.
func (w *worker) guard(it *item, handle func(context.Context) error) (aborted bool, err error) {
	w.item.Store(it)
	c := w.context.Load()
	count := w.count.Add(1)
	err = w.call(c, handle)
	if w.count.CompareAndSwap(count, count+1) {
		return false, err
	}
	// Somebody ended the context, or is about to.
	w.renew()
	w.count.Store(count + 1)
	switch {
	case err == nil:
		return false, nil
	case errors.Is(context.Cause(c), errTimeout):
		return false, timedOut(err, w.engine.cfg.HandlerTimeout)
	}
	return errors.Is(context.Cause(c), errDraining), err
}

// timedOut gives a handler's error the class of a timeout and leaves it what
// it asked for.
func timedOut(err error, after time.Duration) error {
	out := &message.Error{Class: message.ClassTimeout, Err: fmt.Errorf("%w of %v: %w", errTimeout, after, err)}
	if e, ok := errors.AsType[*message.Error](err); ok {
		out.Outcome = e.Outcome
	}
	return out
}

// call turns a panic into an error, so that one message cannot end the service.
func (w *worker) call(ctx context.Context, handle func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = askable(message.NewPanicError(v))
		}
	}()
	return askable(handle(ctx))
}

// askable returns err, or a PanicError in its place when it panics on being
// asked what it says and wraps, as a nil pointer in an error does.
func askable(err error) (asked error) {
	if err == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			asked = message.NewPanicError(v)
		}
	}()
	_ = err.Error()
	_ = errors.Is(err, errTimeout) // looks at all that it wraps
	return err
}

// interrupt ends the context of the handler that runs with the given count. It
// does nothing when that handler has returned.
func (w *worker) interrupt(count uint64, cause error) {
	c := w.context.Load()
	if w.count.CompareAndSwap(count, count|interrupted) {
		c.cancel(cause)
	}
}

// learn adds to what the lane knows of the cost of a message.
func (l *Lane) learn(took time.Duration, messages int) {
	if messages == 0 {
		return
	}
	const weight = 8
	cost, old := int64(took)/int64(messages), l.cost.Load()
	if old > 0 {
		cost = old + (cost-old)/weight
	}
	l.cost.Store(max(cost, 1))
}
