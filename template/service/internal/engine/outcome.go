package engine

import (
	"errors"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// step is where a message goes after an attempt.
type step uint8

const (
	stepDone       step = iota // it is terminal: handled or skipped
	stepRetry                  // its key waits for the next attempt
	stepDeadLetter             // its key waits until its dead letter is acknowledged
	stepStop                   // it is not done, and the engine stops
	stepLeave                  // it is not done; its lane ends, and it will be delivered again
)

// decision is what becomes of a message after an attempt. The zero decision is
// that of a success.
type decision struct {
	step        step
	kind        EventKind
	delay       time.Duration // before the next attempt
	unavailable bool          // the attempt does not count
	held        bool          // attempts are used up, but dead-lettering is paused
}

// decide says what becomes of a message that failed with err. A handler that
// was aborted because its lane ends says nothing about its message.
func (e *Engine) decide(l *Lane, it *item, err error, aborted bool) decision {
	if aborted {
		return decision{step: stepLeave}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.applyPolicies(l, it, err)
	if d.step != stepRetry {
		return d
	}
	if l.ending {
		return decision{step: stepLeave}
	}
	if failed, ok := errors.AsType[*message.Error](err); ok && failed.After > 0 {
		d.delay = failed.After
	} else {
		d.delay = it.nextDelay(e.retryPolicy(&it.msg), d.unavailable)
	}
	return d
}

// applyPolicies applies the message's retry policy, then the error policy, then
// the pause of dead-lettering. e.mu is held.
func (e *Engine) applyPolicies(l *Lane, it *item, err error) decision {
	outcome := message.OutcomeOf(err)
	permanent := outcome == message.OutcomePermanent
	if permanent && wasHandled(err) {
		e.resumeDeadLetters(l)
	}
	switch {
	case outcome == message.OutcomeUnavailable:
		return decision{step: stepRetry, kind: Unavailable, unavailable: true}
	case e.cfg.ErrorPolicy == PolicyRetry, !permanent && it.msg.Attempt < e.retryPolicy(&it.msg).MaxAttempts:
		return decision{step: stepRetry, kind: Retrying}
	case e.cfg.ErrorPolicy == PolicySkip:
		return decision{step: stepDone, kind: Skipped}
	case e.cfg.ErrorPolicy == PolicyStop:
		return decision{step: stepStop, kind: Stopped}
	case permanent, e.admitDeadLetter(l, err):
		return decision{step: stepDeadLetter, kind: DeadLettered}
	}
	return decision{step: stepRetry, kind: Retrying, held: true}
}

// wasHandled reports whether a permanent error is the answer of a handler that
// works. It is not when the message was refused before it came to a handler, or
// when the handler panicked.
func wasHandled(err error) bool {
	switch message.ClassOf(err) {
	case message.ClassDecode, message.ClassInvalid, message.ClassUnhandled, message.ClassPanic:
		return false
	}
	return true
}

// retryPolicy is the policy of a message's registration, else the service's.
func (e *Engine) retryPolicy(m *message.Message) message.RetryPolicy {
	if m.Retry != nil {
		return *m.Retry
	}
	return e.cfg.Retry
}
