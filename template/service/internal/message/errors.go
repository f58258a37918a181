package message

import (
	"context"
	"errors"
	"fmt"
)

// Class says which kind of failure an error is. It goes into dead letters and
// metrics, so its values are part of the service's interface.
type Class string

// The classes of failure.
const (
	ClassDecode      Class = "decode"      // the value is not an envelope of the topic's codec
	ClassInvalid     Class = "invalid"     // the envelope was read, but its header or body breaks a rule
	ClassUnhandled   Class = "unhandled"   // no handler for this topic, message type or tombstone
	ClassHandler     Class = "handler"     // the handler returned an error
	ClassUnavailable Class = "unavailable" // something that the message needs is away
	ClassPanic       Class = "panic"       // the handler panicked
	ClassTimeout     Class = "timeout"     // the handler ran out of time
)

// Error is a failure with its class and what may be done about it. Handlers
// make one with Retry, Permanent or Unavailable; the registry and the engine make the rest.
type Error struct {
	Class   Class
	Err     error
	Outcome Outcome
}

// Outcome is what an error asks of the engine.
type Outcome uint8

// The outcomes an error can ask for.
const (
	Plain     Outcome = iota // the retry policy for plain errors decides
	Again                    // try again later, by the retry policy
	NeverMore                // trying again cannot help
	Away                     // try again until what the message needs is back
)

// Error tells what went wrong, without the class.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retry wraps err so that the message is tried again later by the retry
// policy, and by the error policy when that gives up. Retry(nil) is nil.
func Retry(err error) error { return outcome(err, Again) }

// Permanent wraps err so that the message goes to the error policy at once:
// trying again cannot help. Permanent(nil) is nil.
func Permanent(err error) error { return outcome(err, NeverMore) }

// Unavailable wraps err so that the message is tried again, ever more slowly,
// until it works: what it needs, a database or another service, is away, and
// the message cannot help that. It is never a dead letter, whatever the error
// policy, and not counted as an attempt. The messages of its key wait, and the
// service is not ready meanwhile, so this is not for what only one message
// lacks. Unavailable(nil) is nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Class: ClassUnavailable, Err: err, Outcome: Away}
}

func outcome(err error, o Outcome) error {
	if err == nil {
		return nil
	}
	return &Error{Class: ClassOf(err), Err: err, Outcome: o}
}

// Fail returns a permanent error of the given class.
func Fail(class Class, format string, args ...any) error {
	return &Error{Class: class, Err: fmt.Errorf(format, args...), Outcome: NeverMore}
}

// IsRetry reports whether err asks to be tried again. The outermost of several
// wrappings decides.
func IsRetry(err error) bool { return outcomeOf(err) == Again }

// IsPermanent reports whether err says that trying again cannot help.
func IsPermanent(err error) bool { return outcomeOf(err) == NeverMore }

// IsUnavailable reports whether err says that something is away.
func IsUnavailable(err error) bool { return outcomeOf(err) == Away }

func outcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return Plain
}

// ClassOf returns the class of err: its own if it has one, ClassTimeout for an
// expired context, ClassHandler otherwise. ClassOf(nil) is empty.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ClassTimeout
	}
	return ClassHandler
}
