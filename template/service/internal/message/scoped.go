package message

import (
	"context"
	"errors"
	"fmt"
)

// Scope is the handler of one message, with what it needs for that message
// alone: a transaction, a tenant's connection. It may have Before, After and
// OnError, but no Startup, Shutdown and HandleTombstone.
type Scope[T any] interface {
	TypedHandler[T]
	// Close ends the scope. It gets the handler's outcome and returns the
	// message's: a transaction rolls back when outcome is not nil, and otherwise
	// commits and returns the error of that. It is called exactly once, also
	// after a panic of the handler, and then with an error. ctx is the
	// handler's and may have ended.
	Close(ctx context.Context, outcome error) error
}

// Scoped registers a handler that is made anew for each message. An error of
// open is the message's. Like Register, Scoped panics on a mistake in the
// wiring.
func Scoped[T any](r *Registry, topic string, open func(ctx context.Context) (Scope[T], error), opts ...Option) {
	var h TypedHandler[T] // stays nil, and is refused as such, when open is nil
	if open != nil {
		h = scoped[T](open)
	}
	Register(r, topic, h, opts...)
}

type scoped[T any] func(ctx context.Context) (Scope[T], error)

var errNoReturn = errors.New("the handler did not return")

func (open scoped[T]) Handle(ctx context.Context, m Of[T]) (err error) {
	s, err := open(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("open scope: %w", err)
	case isNil(s):
		return Fail(ClassHandler, "open scope: got no scope")
	}
	outcome := errNoReturn // stays when the handler panics
	defer func() { err = s.Close(ctx, outcome) }()
	outcome = withHooks(typed[T]{s}, s).Handle(ctx, m.Message)
	return outcome
}
