package message

import "context"

type (
	messageKey       struct{}
	messageIDKey     struct{}
	correlationIDKey struct{}
)

// FromContext returns the message that is being handled: its handler, the
// hooks and the registration's middleware have it in their context. A batch
// handler's context is of several messages and has none.
func FromContext(ctx context.Context) (*Message, bool) {
	m, _ := ctx.Value(messageKey{}).(*Message)
	return m, m != nil
}

// NewContext returns a context in which m is the message being handled: for a
// batch handler that publishes because of one of its messages, and for tests.
func NewContext(ctx context.Context, m *Message) context.Context {
	return context.WithValue(ctx, messageKey{}, m)
}

// WithMessageID returns a context in which what is published has the given id
// in the place of a fresh one. It is for one message: consumers take a second
// one with the same id for the same.
func WithMessageID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, messageIDKey{}, id)
}

// WithCorrelationID returns a context in which what is published has the given
// correlation id. Without it, that of the message being handled goes on.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationIDKey{}, id)
}
