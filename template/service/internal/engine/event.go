package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	Ignored                            // it is done without a handler, which says nothing about handlers: message.ErrOtherGroup
	requeued                           // no event: its lane ended first, and it will be delivered again
	held                               // a Retrying, because its attempts are used up but dead-lettering is paused
)

const notWaiting = Handled // where a kind says why a message waits for its next attempt

// kinds has each kind's name, as in metrics, and how it is logged.
var kinds = [...]struct {
	name  string
	level slog.Level
	log   string
}{
	Handled:           {"handled", slog.LevelDebug, "message handled"},
	Retrying:          {"retrying", slog.LevelInfo, "message failed, retrying"},
	Unavailable:       {"unavailable", slog.LevelWarn, "dependency unavailable, retrying"},
	DeadLettered:      {"dead-letter", slog.LevelWarn, "dead letter"},
	DeadLetterRefused: {"dead-letter-refused", slog.LevelError, "dead letter refused, retrying"},
	Skipped:           {"skipped", slog.LevelWarn, "message skipped"},
	Stopped:           {"stopped", slog.LevelError, "stopped by error policy"},
	Ignored:           {"ignored", slog.LevelDebug, "message ignored: redriven for another group"},
}

// String returns the kind's name.
func (k EventKind) String() string { return kinds[k].name }

// Event is one thing that happened to one message. Its Message is as it was
// delivered, with the header when the envelope was opened, during the call.
type Event struct {
	Kind    EventKind
	Message *message.Message
	Err     error         // why, for all kinds but Handled and Ignored
	Delay   time.Duration // until the next attempt
	Elapsed time.Duration // in the handler, by the attempt that ended so; 0 for DeadLetterRefused

	waits    EventKind // why the message waits; held of some that are Retrying
	repeated bool      // the same happened in the attempt before, and was logged
}

// While a message waits, its key waits, and its lane's low-water mark stays.
const (
	longDelay    = time.Minute    // a longer delay is a warning
	longestDelay = 24 * time.Hour // whatever a handler or a policy asks for
)

// report logs an event and passes it on.
func (e *Engine) report(ev Event) {
	level := kinds[ev.Kind].level
	if ev.Delay > longDelay {
		level = max(level, slog.LevelWarn)
	}
	if !ev.repeated && e.log.Enabled(context.Background(), level) {
		e.log.Log(context.Background(), level, kinds[ev.Kind].log, ev.attrs()...)
	}
	for _, observe := range e.observers {
		observe(ev)
	}
}

// attrs returns what is logged of an event.
func (ev Event) attrs() []any {
	m := ev.Message
	attrs := []any{"topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "attempt", m.Attempt}
	if ev.Err != nil {
		attrs = append(attrs, "class", message.ClassOf(ev.Err), "error", ev.Err)
	}
	if m.Header.MessageType != "" {
		const most = "%.100s" // a producer may write any text there
		attrs = append(attrs, "type", fmt.Sprintf(most, m.Header.MessageType), "id", fmt.Sprintf(most, m.Header.MessageID))
	}
	if ev.Delay > 0 {
		attrs = append(attrs, "delay", ev.Delay)
	}
	if ev.Delay > longDelay {
		attrs = append(attrs, "key_waits_until", time.Now().Add(ev.Delay).UTC().Format(time.RFC3339))
	}
	if p, ok := errors.AsType[*message.PanicError](ev.Err); ok {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	return attrs
}
