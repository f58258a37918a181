package message

import (
	"context"
	"slices"
)

// Handler handles one message. Nil means done; Retry and Permanent tell the
// engine what to do with a failure, and any other error is treated by the
// retry policy for plain errors.
//
// The context ends when the handler's time is up or when the service has to
// stop before the handler is done. Handle may be called from several
// goroutines at once, though never for two messages of one key.
type Handler interface {
	Handle(ctx context.Context, m *Message) error
}

// HandlerFunc lets a function be a Handler.
type HandlerFunc func(ctx context.Context, m *Message) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, m *Message) error { return f(ctx, m) }

// Middleware wraps a handler in another.
type Middleware func(Handler) Handler

// Chain wraps h so that the first middleware is the outermost.
func Chain(h Handler, middleware ...Middleware) Handler {
	for _, wrap := range slices.Backward(middleware) {
		h = wrap(h)
	}
	return h
}
