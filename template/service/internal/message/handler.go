package message

import (
	"context"
	"fmt"
	"slices"
)

// TypedHandler handles messages whose body is a T. It may also implement the
// optional interfaces in hooks.go and lifecycle.go.
//
// Nil means done. An error is tried again by the retry policy and then goes to
// the error policy, which by default writes a dead letter. Permanent sends it
// there at once; Unavailable, and an error that IsOutage reports, is tried
// again until it works.
//
// The context ends when the handler's time is up or when the service has to
// stop before the handler is done. Handle may be called from several goroutines
// at once, though never for two messages of one key.
type TypedHandler[T any] interface {
	Handle(ctx context.Context, m Of[T]) error
}

// TypedHandlerFunc lets a function be a TypedHandler.
type TypedHandlerFunc[T any] func(ctx context.Context, m Of[T]) error

// Handle calls f.
func (f TypedHandlerFunc[T]) Handle(ctx context.Context, m Of[T]) error { return f(ctx, m) }

// Handler handles messages of any body. What its error means is said at
// TypedHandler.
type Handler interface {
	Handle(ctx context.Context, m *Message) error
}

// HandlerFunc lets a function be a Handler.
type HandlerFunc func(ctx context.Context, m *Message) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, m *Message) error { return f(ctx, m) }

// Middleware wraps a handler in another.
type Middleware func(Handler) Handler

// chain wraps h so that the first middleware is the outermost.
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
