package message

import (
	"context"
	"log/slog"
	"time"
)

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
	if m.Header.MessageType != "" {
		a = append(a, slog.String("type", m.Header.MessageType), slog.String("id", m.Header.MessageID))
	}
	if err != nil {
		a = append(a, slog.String("class", string(ClassOf(err))), slog.String("error", err.Error()))
	}
	return a
}
