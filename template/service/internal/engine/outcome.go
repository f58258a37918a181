package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// decision is what becomes of a message after an attempt; zero after a success.
type decision struct {
	step  step
	kind  EventKind
	wait  wait          // of stepRetry
	delay time.Duration // of stepRetry
}

// step is where a message goes after an attempt.
type step uint8

const (
	stepDone       step = iota // it is terminal: handled or skipped
	stepRetry                  // its key waits for the next attempt
	stepDeadLetter             // its key waits until its dead letter is acknowledged
	stepStop                   // it is not done, and the engine stops
	stepLeave                  // it is not done; its lane ends, and it will be delivered again
)

// wait is why a message waits for its next attempt.
type wait uint8

const (
	waitNot         wait = iota
	waitRetry            // it failed
	waitUnavailable      // something it needs is unavailable; the attempt does not count
	waitHeld             // its attempts are used up, but dead-lettering is paused
	waits                // how many there are
)

// decide says what becomes of a message after an attempt that ended with err. A
// failure says nothing when the attempt was aborted because its lane ends.
func (e *Engine) decide(l *Lane, it *item, err error, aborted bool) decision {
	switch {
	case err == nil:
		return decision{}
	case aborted:
		return decision{step: stepLeave}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.applyPolicies(l, it, err)
	switch failed, ok := errors.AsType[*message.Error](err); {
	case d.step != stepRetry:
	case l.ending:
		return decision{step: stepLeave}
	case ok && failed.After > 0:
		d.delay = failed.After
	default:
		d.delay = it.nextDelay(d.wait)
	}
	return d
}

// applyPolicies applies the message's retry policy, then the error policy, then
// the pause of dead-lettering.
func (e *Engine) applyPolicies(l *Lane, it *item, err error) decision {
	outcome := message.OutcomeOf(err)
	permanent := outcome == message.OutcomePermanent
	if permanent && isAnswer(err) {
		l.deadLetters.resume()
	}
	switch {
	case outcome == message.OutcomeUnavailable:
		return decision{step: stepRetry, kind: Unavailable, wait: waitUnavailable}
	case e.cfg.ErrorPolicy == PolicyRetry, !permanent && it.msg.Attempt < it.msg.Retry.MaxAttempts:
		return decision{step: stepRetry, kind: Retrying, wait: waitRetry}
	case e.cfg.ErrorPolicy == PolicySkip:
		return decision{step: stepDone, kind: Skipped}
	case e.cfg.ErrorPolicy == PolicyStop:
		return decision{step: stepStop, kind: Stopped}
	case permanent, l.deadLetters.admit(err):
		return decision{step: stepDeadLetter, kind: DeadLettered}
	}
	return decision{step: stepRetry, kind: Retrying, wait: waitHeld}
}

// isAnswer reports whether a permanent error is the answer of a handler that
// works: the message was not refused before it, and the handler did not panic.
func isAnswer(err error) bool {
	others := []message.Class{message.ClassDecode, message.ClassInvalid, message.ClassUnhandled, message.ClassPanic}
	return !slices.Contains(others, message.ClassOf(err))
}
