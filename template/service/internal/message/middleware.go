package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"
)

// PanicError is a panic that became an error.
type PanicError struct {
	Value any // what panic was called with
	stack []byte
}

// NewPanicError returns the error for a recovered value. It is to be called
// where the value was recovered, because it takes the stack.
func NewPanicError(value any) error {
	return &Error{Class: ClassPanic, Err: &PanicError{value, debug.Stack()}, Outcome: NeverMore}
}

// Error is one short line, for logs and dead letters.
func (e *PanicError) Error() string {
	line, _, _ := strings.Cut(fmt.Sprint(e.Value), "\n")
	return "panic: " + shorten(line, 200)
}

// Unwrap returns the value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Stack returns the stack of the goroutine that panicked.
func (e *PanicError) Stack() []byte { return e.stack }

// Recover is middleware that turns a panic into a permanent error of
// ClassPanic, which wraps a *PanicError.
func Recover(next Handler) Handler {
	return HandlerFunc(func(ctx context.Context, m *Message) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = NewPanicError(v)
			}
		}()
		return next.Handle(ctx, m)
	})
}

// Timeout returns middleware that ends the context after d. An error that the
// handler returns because of that is of ClassTimeout; it is tried again or not
// as the handler asks. The handler is not abandoned: Timeout returns when it
// does. Without a positive d there is no limit.
func Timeout(d time.Duration) Middleware {
	return func(next Handler) Handler {
		if d <= 0 {
			return next
		}
		late := fmt.Errorf("the handler had %v: %w", d, context.DeadlineExceeded)
		return HandlerFunc(func(ctx context.Context, m *Message) error {
			ctx, cancel := context.WithTimeoutCause(ctx, d, late)
			defer cancel()
			err := next.Handle(ctx, m)
			if err == nil || !errors.Is(context.Cause(ctx), late) || !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return &Error{Class: ClassTimeout, Err: fmt.Errorf("%w: %w", late, err), Outcome: outcomeOf(err)}
		})
	}
}

// Log returns middleware that logs each message at debug level, with its error
// when it failed. Bodies are not logged. What becomes of a message that failed
// is logged by the engine, which decides it.
func Log(log *slog.Logger) Middleware {
	return func(next Handler) Handler {
		return HandlerFunc(func(ctx context.Context, m *Message) error {
			if !log.Enabled(ctx, slog.LevelDebug) {
				return next.Handle(ctx, m)
			}
			start := time.Now()
			err := next.Handle(ctx, m)
			text := "handled"
			if err != nil {
				text = "failed"
			}
			log.LogAttrs(ctx, slog.LevelDebug, text, attributes(m, time.Since(start), err)...)
			return err
		})
	}
}

func attributes(m *Message, elapsed time.Duration, err error) []slog.Attr {
	a := []slog.Attr{
		slog.String("topic", m.Topic),
		slog.Int64("partition", int64(m.Partition)),
		slog.Int64("offset", m.Offset),
		slog.Int("attempt", m.Attempt),
		slog.Duration("duration", elapsed),
	}
	if m.Header != nil {
		a = append(a, slog.String("type", m.Header.MessageType), slog.String("id", m.Header.MessageID))
	}
	if err != nil {
		a = append(a, slog.String("class", string(ClassOf(err))), slog.String("error", err.Error()))
	}
	return a
}
