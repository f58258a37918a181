package engine

import (
	"errors"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// EventKind says what happened to a message.
type EventKind uint8

// The kinds of events. A message meets any number of Retrying, Unavailable and
// DeadLetterRefused, then at most one of the others.
const (
	Handled           EventKind = iota // its handler succeeded
	Retrying                           // it failed and is tried again after Delay
	Unavailable                        // something it needs is unavailable; tried again after Delay, not counted as an attempt
	DeadLettered                       // it failed and its dead letter was acknowledged
	DeadLetterRefused                  // its dead letter was not acknowledged; tried again after Delay
	Skipped                            // it failed and the error policy skipped it
	Stopped                            // it failed and the error policy stopped the engine
)

var kindNames = [...]string{"handled", "retrying", "unavailable", "dead-letter", "dead-letter-refused", "skipped", "stopped"}

// String returns the kind's name, as metrics have it.
func (k EventKind) String() string { return kindNames[k] }

// Event tells one thing that happened to one message. Its Message is as it was
// delivered, with the header when the envelope was opened; it is valid during
// the call.
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

// report counts, logs and observes what happened to a message that failed.
func (e *Engine) report(ev Event, it *item) {
	e.mu.Lock()
	e.events[ev.Kind]++
	e.mu.Unlock()
	if ev.Kind != Unavailable || !it.unavailable { // else it would be logged at each attempt
		e.logEvent(ev)
	}
	e.observeEvent(ev)
}

func (e *Engine) observeEvent(ev Event) {
	if e.observe != nil {
		ev.Attempt, ev.MaxAttempts = ev.Message.Attempt, e.retryPolicy(ev.Message).MaxAttempts
		e.observe(ev)
	}
}

func (e *Engine) logEvent(ev Event) {
	m := ev.Message
	attrs := []any{
		"topic", m.Topic, "partition", m.Partition, "offset", m.Offset,
		"class", message.ClassOf(ev.Err), "attempt", m.Attempt, "error", ev.Err,
	}
	if m.Header.MessageType != "" {
		attrs = append(attrs, "type", m.Header.MessageType, "id", m.Header.MessageID)
	}
	if p, ok := errors.AsType[*message.PanicError](ev.Err); ok {
		attrs = append(attrs, "stack", string(p.Stack()))
	}
	switch ev.Kind {
	case Retrying:
		e.log.Info("message failed, retrying", append(attrs, "delay", ev.Delay)...)
	case Unavailable:
		e.log.Warn("dependency unavailable, retrying", append(attrs, "delay", ev.Delay)...)
	case DeadLettered:
		e.log.Warn("dead letter", attrs...)
	case DeadLetterRefused:
		e.log.Error("dead letter refused, retrying", append(attrs, "delay", ev.Delay)...)
	case Skipped:
		e.log.Warn("message skipped", attrs...)
	case Stopped:
		e.log.Error("stopped by error policy", attrs...)
	}
}
