package message

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sethvargo/go-retry"
)

// Outcome is what an error asks for.
type Outcome uint8

// The outcomes. An error is OutcomePlain unless a function below made it.
const (
	OutcomePlain       Outcome = iota // tried again by the retry policy, then the error policy decides
	OutcomeRetry                      // the same, because the handler said so
	OutcomePermanent                  // the error policy decides at once
	OutcomeUnavailable                // tried again until it works
)

// Retry wraps err so that it is treated as a plain error is, also when it would
// otherwise be Permanent or Unavailable. Retry(nil) is nil, and so it is below.
func Retry(err error) error { return withOutcome(err, OutcomeRetry, 0) }

// RetryAfter is Retry with the delay before the next attempt, 24 hours at most. Its
// key waits until then. A delay of 0 or less is the retry policy's.
func RetryAfter(delay time.Duration, err error) error { return withOutcome(err, OutcomeRetry, delay) }

// Permanent wraps err so that the message goes to the error policy at once:
// trying again cannot help.
func Permanent(err error) error { return withOutcome(err, OutcomePermanent, 0) }

// Unavailable wraps err so that the message is tried again, ever more slowly, until it
// works, and the attempt is not counted: a database or another service is away, whatever
// the message says. Its key waits and the service is not ready meanwhile, so it is not
// for what only one message lacks.
func Unavailable(err error) error { return withOutcome(err, OutcomeUnavailable, 0) }

func withOutcome(err error, o Outcome, after time.Duration) error {
	if err == nil {
		return nil
	}
	class := ClassOf(err)
	if o == OutcomeUnavailable {
		class = ClassUnavailable
	}
	return &Error{Class: class, Err: err, Outcome: o, After: after}
}

// Fail returns a permanent error of the given class.
func Fail(class Class, format string, args ...any) error {
	return &Error{Class: class, Err: fmt.Errorf(format, args...), Outcome: OutcomePermanent}
}

// Error is a failure with its class and what it asks for.
type Error struct {
	Class   Class
	Err     error
	Outcome Outcome
	After   time.Duration // before the next attempt; 0 is the retry policy's delay
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// OutcomeOf returns what err asks for. The outermost wrapping decides.
func OutcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Outcome
	}
	return OutcomePlain
}

// Class says which kind of failure an error is. It goes into dead letters and
// metrics, so its values are part of the service's interface.
type Class string

// The classes of failure.
const (
	ClassDecode      Class = "decode"      // the value is not an envelope of the topic's codec
	ClassInvalid     Class = "invalid"     // the envelope was read, but its header or body breaks a rule
	ClassUnhandled   Class = "unhandled"   // no handler for this topic, message type or tombstone
	ClassHandler     Class = "handler"     // the handler returned an error
	ClassUnavailable Class = "unavailable" // something that the message needs is unavailable
	ClassPanic       Class = "panic"       // the handler panicked
	ClassTimeout     Class = "timeout"     // the handler ran out of time
)

// Classes are all of them.
var Classes = []Class{ClassDecode, ClassInvalid, ClassUnhandled, ClassHandler, ClassUnavailable, ClassPanic, ClassTimeout}

// ClassOf returns the class of err: its own if it has one, ClassTimeout for an
// expired context, ClassHandler otherwise. ClassOf(nil) is empty.
func ClassOf(err error) Class {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return ""
	case ok:
		return e.Class
	case errors.Is(err, context.DeadlineExceeded):
		return ClassTimeout
	}
	return ClassHandler
}

// IsOutage is the default rule for errors that count as Unavailable although the handler
// did not say so; Registry.SetOutageRule replaces it. It reports what is plainly the fault
// of the infrastructure: a failed network operation, a connection that was refused or
// broke, driver.ErrBadConn, and errors with a method SQLState() string of the classes
// 08 (connection), 53 (resources), 57 (operator intervention) and 58 (system).
//
// It does not report what a message can cause: an expired context or a cancelled query,
// io.EOF (parsers return it too), a host or an address that does not exist.
func IsOutage(err error) bool {
	type sqlError interface {
		error
		SQLState() string
	}
	const queryCanceled = "57014" // by statement_timeout, say
	if e, ok := errors.AsType[sqlError](err); ok {
		state := e.SQLState()
		return len(state) == 5 && state != queryCanceled && slices.Contains([]string{"08", "53", "57", "58"}, state[:2])
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return !e.IsNotFound
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		_, badAddress := errors.AsType[*net.AddrError](err)
		_, noAddress := errors.AsType[*net.ParseError](err)
		_, noNetwork := errors.AsType[net.UnknownNetworkError](err)
		return !badAddress && !noAddress && !noNetwork && !errors.Is(err, context.Canceled)
	}
	return slices.ContainsFunc(outages, func(outage error) bool { return errors.Is(err, outage) })
}

var outages = []error{
	driver.ErrBadConn, net.ErrClosed,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, syscall.ETIMEDOUT,
	syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH, syscall.ENETDOWN,
}

// PanicError is a panic that became an error.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine that panicked
}

// NewPanicError returns the permanent error of ClassPanic for a recovered
// value. Call it where the value was recovered: it takes the stack.
func NewPanicError(value any) error {
	return &Error{Class: ClassPanic, Err: &PanicError{value, debug.Stack()}, Outcome: OutcomePermanent}
}

// Error is one short line, for logs and dead letters. Of what is neither an error nor
// a text, such as a message, it has the type alone.
func (e *PanicError) Error() string {
	text := fmt.Sprintf("%T", e.Value)
	switch e.Value.(type) {
	case error, string:
		text = fmt.Sprint(e.Value)
	}
	line, _, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("panic: %.200s", line)
}

// Unwrap returns the value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// RetryKind says how the delays between attempts grow.
type RetryKind string

// The kinds of retry.
const (
	RetryExponential RetryKind = "exponential" // 1, 2, 4, 8 … times Delay, each with up to 20 % of jitter
	RetryFibonacci   RetryKind = "fibonacci"   // 1, 2, 3, 5 … times Delay
	RetryFixed       RetryKind = "fixed"       // Delay each time
)

// RetryPolicy says when, and how often, a failed message is tried again.
type RetryPolicy struct {
	Kind        RetryKind
	MaxAttempts int           // all attempts, the first included
	Delay       time.Duration // before the second attempt
	MaxDelay    time.Duration // no delay grows beyond this
}

// Validate returns an error when p cannot be followed.
func (p RetryPolicy) Validate() error {
	kinds := []RetryKind{RetryExponential, RetryFibonacci, RetryFixed}
	if !slices.Contains(kinds, p.Kind) || p.MaxAttempts < 1 || p.Delay <= 0 || p.MaxDelay < p.Delay {
		return fmt.Errorf("retry policy is %+v: Kind must be one of %v, MaxAttempts at least 1, Delay more than 0 and at most MaxDelay", p, kinds)
	}
	return nil
}

// Backoff starts the sequence of delays for one message, which has no end. p
// must be valid. The jitter spreads messages that failed together.
func (p RetryPolicy) Backoff() retry.Backoff {
	b := retry.WithJitterPercent(20, retry.NewExponential(p.Delay))
	switch p.Kind {
	case RetryFixed:
		b = retry.NewConstant(p.Delay)
	case RetryFibonacci:
		b = retry.NewFibonacci(p.Delay)
	}
	return retry.WithCappedDuration(p.MaxDelay, b)
}
