package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var (
	errTimeout  = errors.New("the handler ran out of time")                           // why a context ended
	errDraining = errors.New("the service gives the message back")                    // why a context ended
	errNoReturn = message.Fail(message.ClassPanic, "the handler ended its goroutine") // of a handler that called runtime.Goexit
)

// worker is a goroutine that runs one handler after the other.
type worker struct {
	engine   *Engine
	queue    *queue    // of the key that it handles, nil for none; guarded by engine.mu
	item     *item     // the queue's first message
	since    time.Time // when it took that; guarded by engine.mu
	err      error     // of its last attempt
	decision           // after that
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
	e, l, it := w.engine, w.queue.lane, w.item
	ctx, cancel := context.WithTimeoutCause(l.ctx, e.cfg.HandlerTimeout, errTimeout)
	defer cancel()
	m := it.msg
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, cmp.Or(m.Retry, it.msg.Retry)
		w.judge(ctx, safeError(err))
	}()
	err = e.handler.Handle(ctx, &m)
}

// safeError returns err, or a PanicError when asking err for its text or for what
// it wraps panics, as a nil pointer in an error does.
func safeError(err error) (safe error) {
	defer func() {
		if v := recover(); v != nil {
			safe = message.NewPanicError(v)
		}
	}()
	if err != nil {
		_ = err.Error()
		_ = errors.Is(err, errTimeout) // looks at all that it wraps
	}
	return err
}

// judge decides about the message and reports what happened to it. A dead
// letter is reported when it is written.
func (w *worker) judge(ctx context.Context, err error) {
	e, it, cause := w.engine, w.item, context.Cause(ctx)
	if err != nil && errors.Is(cause, errTimeout) {
		err = newTimeout(err, e.cfg.HandlerTimeout)
	}
	w.err, w.decision = err, e.decide(w.queue.lane, it, err, errors.Is(cause, errDraining))
	if w.step == stepDeadLetter || w.step == stepLeave {
		return
	}
	e.report(Event{Kind: w.kind, Message: &it.msg, Err: err, Delay: w.delay, Elapsed: time.Since(w.since),
		repeated: w.wait == waitUnavailable && it.wait == waitUnavailable})
	if w.step == stepStop {
		e.stop(fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", it.msg.Topic, it.msg.Partition, it.msg.Offset, err))
	}
}

// newTimeout gives the error of a handler whose time was up the class of a
// timeout, and leaves it what it asked for.
func newTimeout(err error, after time.Duration) error {
	late := &message.Error{Class: message.ClassTimeout, Err: fmt.Errorf("%w of %v: %w", errTimeout, after, err)}
	if e, ok := errors.AsType[*message.Error](err); ok {
		late.Outcome, late.After = e.Outcome, e.After
	}
	return late
}
