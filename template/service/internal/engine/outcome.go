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
	errDraining = errors.New("partition is being released")                           // why a context ended
	errNoReturn = message.Fail(message.ClassPanic, "the handler ended its goroutine") // of a handler that called runtime.Goexit
)

// decide says what becomes of a message after an attempt that failed with err,
// and whose context had ended because of cause, if it had. A failure says nothing
// when the attempt was aborted because the lane ends.
func (e *Engine) decide(it *item, err, cause error) Event {
	if err == message.ErrOtherGroup { //nolint:errorlint // the registry says it, and no handler
		return Event{Kind: Ignored}
	}
	err = safeError(err)
	if errors.Is(cause, errDraining) {
		return Event{Kind: requeued, Err: err}
	}
	asks, _ := errors.AsType[*message.Error](err)
	asks = cmp.Or(asks, new(message.Error)) // which asks for nothing
	if errors.Is(cause, errTimeout) {
		late := fmt.Errorf("%w of %v: %w", errTimeout, e.cfg.HandlerTimeout, err)
		err = &message.Error{Class: message.ClassTimeout, Err: late, Outcome: asks.Outcome, After: asks.After}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	ev := e.applyPolicies(it, err)
	ev.Err = err
	switch {
	case ev.waits == notWaiting:
	case it.lane.ending:
		return Event{Kind: requeued, Err: err}
	case asks.After > 0:
		ev.Delay = min(asks.After, longestDelay)
	default:
		ev.Delay = min(it.nextDelay(ev.waits), longestDelay)
	}
	return ev
}

// safeError returns err, or a PanicError when asking err for its text or for what
// it wraps panics, as a nil pointer in an error does.
func safeError(err error) error {
	return message.CallBounded(context.Background(), 0, func(context.Context) error {
		_ = err.Error()
		_ = errors.Is(err, errTimeout) // looks at all that it wraps
		return err
	})
}

// applyPolicies applies the message's retry policy, then the error policy, then
// the pause of dead-lettering.
func (e *Engine) applyPolicies(it *item, err error) Event {
	outcome := message.OutcomeOf(err)
	permanent := outcome == message.OutcomePermanent
	switch {
	case outcome == message.OutcomeUnavailable:
		return Event{Kind: Unavailable, waits: Unavailable}
	case e.cfg.ErrorPolicy == PolicyRetry, !permanent && it.msg.Attempt < it.msg.Retry.MaxAttempts:
		return Event{Kind: Retrying, waits: Retrying}
	case e.cfg.ErrorPolicy == PolicySkip:
		return Event{Kind: Skipped}
	case e.cfg.ErrorPolicy == PolicyStop:
		return Event{Kind: Stopped}
	case permanent, e.mayDeadLetter(it.lane.topic, err):
		return Event{Kind: DeadLettered}
	}
	return Event{Kind: Retrying, waits: held}
}

// nextDelay returns how long the item waits for its next attempt. The backoff
// starts anew when something becomes unavailable, or is available again.
func (it *item) nextDelay(why EventKind) time.Duration {
	if it.backoff == nil || (it.waits == Unavailable) != (why == Unavailable) {
		it.backoff = it.msg.Retry.Backoff()
	}
	delay, _ := it.backoff.Next()
	return delay
}
