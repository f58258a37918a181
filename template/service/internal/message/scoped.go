package message

import (
	"context"
	"errors"
	"fmt"
)

// Scoped registers a handler that is made anew for each message, with what it
// needs for that message alone: a transaction, a tenant's connection.
//
// Open returns the handler and what ends its scope. That gets the handler's
// outcome and returns the message's: a transaction rolls back when the error
// is not nil, and otherwise commits and returns the error of that. It may be
// nil, is called exactly once, also when the handler panics, and then with an
// error. An error of open is the message's.
//
// Before, After and OnError are called when the handler has them, within its
// scope; it has no Startup, Shutdown and HandleTombstone. Like Register, Scoped
// panics on a mistake in the wiring.
func Scoped[T any](r *Registry, topic string, open func(context.Context) (TypedHandler[T], func(error) error, error), opts ...Option) {
	var h TypedHandler[T] // stays nil, and is refused as such, when open is nil
	if open != nil {
		h = scope[T](open)
	}
	Register(r, topic, h, opts...)
}

type scope[T any] func(context.Context) (TypedHandler[T], func(error) error, error)

var errAborted = errors.New("the handler did not return")

func (s scope[T]) Handle(ctx context.Context, m Of[T]) (err error) {
	h, release, err := s(ctx)
	if err != nil {
		return fmt.Errorf("open scope: %w", err)
	}
	if release == nil {
		release = func(err error) error { return err }
	}
	err = errAborted // holds when the handler panics
	returned := false
	defer func() {
		if released := release(err); returned {
			err = released
		}
	}()
	if h == nil {
		returned = true
		return Fail(ClassHandler, "open gave no handler")
	}
	err = withHooks(typed[T]{h}, h).Handle(ctx, m.Message)
	returned = true
	return err
}
