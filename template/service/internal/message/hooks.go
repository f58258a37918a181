package message

import "context"

// The interfaces below and those in lifecycle.go are optional: a handler that
// has the method gets the call.

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

// withHooks returns next with the hooks of h around it.
func withHooks(next Handler, h any) Handler {
	before, _ := h.(BeforeHandler)
	after, _ := h.(AfterHandler)
	onError, _ := h.(ErrorHandler)
	handle := func(ctx context.Context, m *Message) error {
		if before != nil {
			if err := before.Before(ctx, m); err != nil {
				return err
			}
		}
		if err := next.Handle(ctx, m); err != nil || after == nil {
			return err
		}
		return after.After(ctx, m)
	}
	return HandlerFunc(func(ctx context.Context, m *Message) error {
		err := handle(ctx, m)
		if err != nil && onError != nil {
			return onError.OnError(ctx, m, err)
		}
		return err
	})
}
