package message

import "context"

// FromContext returns the message that is being handled, in what its handler,
// the hooks and the registration's middleware get as their context, and in
// whatever was made from that. A batch handler's context is of several
// messages and has none.
func FromContext(ctx context.Context) (*Message, bool) {
	m, ok := ctx.Value(messageKey{}).(*Message)
	return m, ok
}

// NewContext returns a context in which m is the message being handled: for a
// batch handler that publishes because of one of its messages, and for tests.
func NewContext(ctx context.Context, m *Message) context.Context {
	return &handling{ctx, m}
}

type messageKey struct{}

// handling is the context of a message that is being handled. For decoded
// messages it is a part of the envelope's allocation, so it costs none; each
// attempt has its own.
type handling struct {
	context.Context
	message *Message
}

func (c *handling) Value(key any) any {
	if _, ok := key.(messageKey); ok {
		return c.message
	}
	return c.Context.Value(key)
}

// WithMessageID returns a context in which what is published has the given id
// in the place of a fresh one. It is for one message: consumers take a second
// with the same id for the same.
func WithMessageID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, messageIDKey{}, id)
}

type messageIDKey struct{}
