package message

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// TraceHeaders are the transport headers of W3C's Trace Context and Baggage.
var TraceHeaders = []string{"traceparent", "tracestate", "baggage"}

// WithTrace returns a context in which what is published has headers in the place of
// the trace headers of the message being handled.
func WithTrace(ctx context.Context, headers []Field) context.Context {
	var m Message
	if cause, ok := FromContext(ctx); ok {
		m = *cause
	}
	m.Headers = slices.DeleteFunc(slices.Clone(m.Headers), func(f Field) bool { return slices.Contains(TraceHeaders, f.Key) })
	m.Headers = append(m.Headers, headers...)
	return NewContext(ctx, &m)
}

// EnsureMessageID returns the id that what is published has in the context that it
// returns, and makes one if there was none.
func EnsureMessageID(ctx context.Context) (_ context.Context, id string) {
	if id, ok := ctx.Value(messageIDKey{}).(string); ok {
		return ctx, id
	}
	id = uuid.Must(uuid.NewV7()).String()
	return WithMessageID(ctx, id), id
}

// TopicOf returns where an event goes, "" if it is nil.
func TopicOf(e Event) string {
	if isNil(e) {
		return ""
	}
	return e.Topic()
}
