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
			start := time.Now()
			err := next.Handle(ctx, m)
			if !log.Enabled(ctx, slog.LevelDebug) {
				return err
			}
			log := log.With("topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "attempt", m.Attempt,
				"type", m.Header.MessageType, "id", m.Header.MessageID, "duration", time.Since(start))
			if err == nil {
				log.DebugContext(ctx, "message handled")
			} else {
				log.DebugContext(ctx, "message not handled", "class", ClassOf(err), "error", err)
			}
			return err
		})
	}
}
