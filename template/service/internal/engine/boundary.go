package engine

import (
	"context"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Claim is one lane's life at its source, from assignment to revocation.
type Claim interface {
	// Mark says that the message at offset and every one delivered before it
	// are done. It must not block, nor call the engine.
	Mark(offset int64)
	// Commit makes the claim's marks durable and returns nil only when it
	// knows that they are. The engine calls it once its lane has ended, and
	// again until it succeeds or the drain's time is up.
	Commit(ctx context.Context) error
	// Pause stops deliveries until Resume; messages under way may still arrive.
	// Neither may block or call the engine. A claim that cannot pause does nothing,
	// and what its lane holds in memory has no bound.
	Pause()
	Resume()
}

// Acker is a claim of a queue, which takes each message by itself, in any order. The
// engine says Ack of each that is done, besides Mark. It must not block, nor call the
// engine; Commit makes what was acknowledged durable too.
type Acker interface{ Ack(offset int64) }

// DeadLetters takes messages that failed for good.
type DeadLetters interface {
	// DeadLetter returns nil only after the message is safe where dead
	// letters are kept. Until then the engine tries again.
	DeadLetter(ctx context.Context, m *message.Message, f Failure) error
}

// Failure says why a message failed.
type Failure struct {
	Err      error
	Class    message.Class
	Attempts int           // how often its handler ran
	Time     time.Time     // when it failed
	elapsed  time.Duration // in the handler, by its last attempt
	Span     SpanContext   // of the last attempt //forge:if otel
}

// Reason returns the error's text, at most 1 KiB of valid UTF-8. What was cut ends
// with an ellipsis.
func (f Failure) Reason() string {
	const limit, ellipsis = 1 << 10, "…"
	s := f.Err.Error()
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit-len(ellipsis)], "") + ellipsis
	}
	return strings.ToValidUTF8(s, "")
}
