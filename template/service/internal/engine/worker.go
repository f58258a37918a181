package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Reasons why a handler's context ended.
var (
	errTimeout  = errors.New("the handler ran out of time")
	errDraining = errors.New("the service gives the message back")
)

// errNoReturn is the outcome of a handler that called runtime.Goexit.
var errNoReturn = message.Fail(message.ClassPanic, "the handler ended its goroutine")

// worker is a goroutine that runs one handler after the other.
type worker struct {
	engine *Engine

	// Guarded by engine.mu.
	queue *queue    // whose first message it handles; nil for none
	since time.Time // when it took that

	// Of its last attempt.
	err error
	decision
}

// run handles messages until none is ready.
func (w *worker) run() {
	ended := false
	defer func() {
		if !ended {
			go w.run() // a handler ended this goroutine with runtime.Goexit
		}
	}()
	for w.engine.next(w) {
		w.attempt()
	}
	ended = true
}

// attempt runs the handler once, with its own copy of the message and its own
// context. However the handler ends, the attempt has an outcome.
func (w *worker) attempt() {
	e, l, it := w.engine, w.queue.lane, w.queue.items[0]
	ctx, cancel := l.handlerContext()
	defer cancel()
	m := it.msg
	began := time.Now()
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, m.Retry
		w.err = w.classify(ctx, safeError(err))
		w.finish(Event{Kind: Handled, Message: &it.msg, Err: w.err, Elapsed: time.Since(began)}, context.Cause(ctx))
	}()
	err = e.handler.Handle(ctx, &m)
}

// classify gives an error of a handler whose time was up the class of a
// timeout, and leaves it what it asked for.
func (w *worker) classify(ctx context.Context, err error) error {
	if err == nil || !errors.Is(context.Cause(ctx), errTimeout) {
		return err
	}
	late := &message.Error{Class: message.ClassTimeout, Err: fmt.Errorf("%w of %v: %w", errTimeout, w.engine.cfg.HandlerTimeout, err)}
	if e, ok := errors.AsType[*message.Error](err); ok {
		late.Outcome, late.After = e.Outcome, e.After
	}
	return late
}

// safeError returns err, or a PanicError in its place when it panics on being
// asked for its text or for what it wraps, as a nil pointer in an error does.
func safeError(err error) (safe error) {
	if err == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			safe = message.NewPanicError(v)
		}
	}()
	_ = err.Error()
	_ = errors.Is(err, errTimeout) // looks at all that it wraps
	return err
}

// finish decides about the message and reports what happened to it.
func (w *worker) finish(ev Event, cause error) {
	e, it := w.engine, w.queue.items[0]
	if w.err == nil {
		w.decision = decision{}
		e.observeEvent(ev)
		return
	}
	w.decision = e.decide(w.queue.lane, it, w.err, errors.Is(cause, errDraining))
	ev.Kind, ev.Delay = w.kind, w.delay
	switch w.step {
	case stepDone, stepRetry:
		e.report(ev, it)
	case stepStop:
		e.report(ev, it)
		e.stop(&it.msg, w.err)
	case stepDeadLetter, stepLeave: // the first is reported when it is written
	}
}
