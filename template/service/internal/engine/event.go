package engine

import (
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// EventKind says what happened to a message.
type EventKind uint8

// The kinds of events. A message meets any number of Retrying, Waiting and
// DeadLetterRefused, then at most one of the others.
const (
	Handled           EventKind = iota // its handler succeeded
	Retrying                           // it failed and is tried again after Delay
	DeadLettered                       // it failed and its dead letter was acknowledged
	DeadLetterRefused                  // its dead letter was not acknowledged; tried again after Delay
	Skipped                            // it failed and the error policy skipped it
	Stopped                            // it failed and the error policy stopped the engine
	Waiting                            // what it needs is away; tried again after Delay, and not counted as an attempt
)

var kindNames = [...]string{"handled", "retry", "dead letter", "dead letter refused", "skipped", "stopped", "waiting"}

// String returns the kind in words.
func (k EventKind) String() string { return kindNames[k] }

// Event tells one thing that happened to one message. It is valid during the
// call that it is given to.
type Event struct {
	Kind        EventKind
	Message     *message.Message
	Err         error         // why, for all kinds but Handled
	Attempt     int           // which attempt it was, from 1
	MaxAttempts int           // after how many the error policy decides
	Delay       time.Duration // until the next attempt
	Elapsed     time.Duration // in the handler
}

// Observe makes f see every event. It is called before Run, and f is called
// from many goroutines at once, so it must be fast and safe for that.
func (e *Engine) Observe(f func(Event)) { e.observe = f }
