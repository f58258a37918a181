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
	ctx, cancel := context.WithTimeoutCause(l.ctx, e.cfg.HandlerTimeout, errTimeout)
	defer cancel()
	m := it.msg
	began := time.Now()
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, m.Retry
		w.judge(ctx, safeError(err), time.Since(began))
	}()
	err = e.handler.Handle(ctx, &m)
}

// safeError returns err, or a PanicError in its place when it panics on being
// asked for its text or for what it wraps, as a nil pointer in an error does.
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

// judge decides about the message and reports what happened to it.
func (w *worker) judge(ctx context.Context, err error, elapsed time.Duration) {
	e, it := w.engine, w.queue.items[0]
	w.err, w.decision = err, decision{}
	ev := Event{Kind: Handled, Message: &it.msg, Elapsed: elapsed}
	if err == nil {
		e.observeEvent(ev)
		return
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, errTimeout) {
		w.err = newTimeout(err, e.cfg.HandlerTimeout)
	}
	w.decision = e.decide(w.queue.lane, it, w.err, errors.Is(cause, errDraining))
	if w.step != stepDeadLetter && w.step != stepLeave { // the first is reported once it is written
		ev.Kind, ev.Err, ev.Delay = w.kind, w.err, w.delay
		e.report(ev, it)
	}
	if w.step == stepStop {
		e.stop(fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", it.msg.Topic, it.msg.Partition, it.msg.Offset, w.err))
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
