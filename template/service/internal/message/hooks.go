package message

import "context"

// The interfaces below are optional: a handler that has the method gets the
// call.

// BeforeHandler is called before each message is handled. After an error the
// message is not handled, and the error is treated like one of Handle.
type BeforeHandler interface {
	Before(ctx context.Context, m *Message) error
}

// AfterHandler is called after each message that was handled without error.
// An error is treated like one of Handle.
type AfterHandler interface {
	After(ctx context.Context, m *Message) error
}

// ErrorHandler is called with each error of Before, Handle and After; m.Attempt
// is the number of this attempt. What it returns takes the error's place: the
// error itself, Retry or Permanent of it, or nil for handled. It is not called
// for messages that could not be decoded or are invalid, nor for panics.
type ErrorHandler interface {
	OnError(ctx context.Context, m *Message, err error) error
}

// TombstoneHandler is called for messages without a value, which say that
// their key was deleted. They have no envelope: m.Header is zero, and neither
// the other hooks nor the registration's middleware run.
type TombstoneHandler interface {
	HandleTombstone(ctx context.Context, m *Message) error
}

// hooked is a handler with its hooks.
type hooked struct {
	next    Handler
	before  BeforeHandler
	after   AfterHandler
	onError ErrorHandler
}

// withHooks returns next with the hooks of h around it, or next itself when h
// has none.
func withHooks(next Handler, h any) Handler {
	k := &hooked{next: next}
	k.before, _ = h.(BeforeHandler)
	k.after, _ = h.(AfterHandler)
	k.onError, _ = h.(ErrorHandler)
	if k.before == nil && k.after == nil && k.onError == nil {
		return next
	}
	return k
}

func (k *hooked) Handle(ctx context.Context, m *Message) error {
	err := k.handle(ctx, m)
	if err != nil && k.onError != nil {
		return k.onError.OnError(ctx, m, err)
	}
	return err
}

func (k *hooked) handle(ctx context.Context, m *Message) error {
	if k.before != nil {
		if err := k.before.Before(ctx, m); err != nil {
			return err
		}
	}
	if err := k.next.Handle(ctx, m); err != nil {
		return err
	}
	if k.after != nil {
		return k.after.After(ctx, m)
	}
	return nil
}
