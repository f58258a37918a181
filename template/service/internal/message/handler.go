package message

import (
	"context"
	"fmt"
	"slices"
)

// Handler handles one message. Nil means done; Retry, Permanent and Unavailable
// tell the engine what to do with a failure, and any other error is treated by
// the retry policy for plain errors.
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

// Chain wraps h so that the first middleware is the outermost. It panics when
// one is nil, or returns nil.
func Chain(h Handler, middleware ...Middleware) Handler {
	h, err := chain(h, middleware)
	if err != nil {
		panic(fmt.Errorf("message: %w", err))
	}
	return h
}

func chain(h Handler, middleware []Middleware) (Handler, error) {
	for i, wrap := range slices.Backward(middleware) {
		if wrap == nil {
			return nil, fmt.Errorf("middleware %d of %d is nil", i+1, len(middleware))
		}
		if h = wrap(h); isNil(h) {
			return nil, fmt.Errorf("middleware %d of %d returned no handler", i+1, len(middleware))
		}
	}
	return h, nil
}
