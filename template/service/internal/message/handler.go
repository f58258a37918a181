package message

import (
	"context"
	"reflect"
)

// TypedHandler handles messages whose body is a T. It may also implement the
// optional interfaces below.
//
// Nil means done. An error is tried again by the retry policy and then goes to
// the error policy, which by default writes a dead letter. Permanent sends it
// there at once; Unavailable, and an error that IsOutage reports, is tried
// again until it works.
//
// The context ends when the handler's time is up, or the service cannot wait for it to
// stop. Handle may be called from several goroutines at once, never for one key.
type TypedHandler[T any] interface {
	Handle(ctx context.Context, m Of[T]) error
}

// TypedHandlerFunc lets a function be a TypedHandler.
type TypedHandlerFunc[T any] func(ctx context.Context, m Of[T]) error

// Handle calls f.
func (f TypedHandlerFunc[T]) Handle(ctx context.Context, m Of[T]) error { return f(ctx, m) }

// Handler handles messages of any body. Its errors mean what a TypedHandler's do.
type Handler interface {
	Handle(ctx context.Context, m *Message) error
}

// HandlerFunc lets a function be a Handler.
type HandlerFunc func(ctx context.Context, m *Message) error

// Handle calls f.
func (f HandlerFunc) Handle(ctx context.Context, m *Message) error { return f(ctx, m) }

// Middleware wraps a handler in another.
type Middleware func(Handler) Handler

// The interfaces below are optional: a handler that has the method gets the call.

// Starter is a handler with something to do before the first message. The
// context is for that alone: it ends when the service is stopped. With
// Unavailable as its error, or an outage, the start is tried again.
type Starter interface {
	Startup(ctx context.Context) error
}

// Stopper is a handler with something to do after the last message. When ctx
// ends it should return.
type Stopper interface {
	Shutdown(ctx context.Context) error
}

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

// ErrorHandler is called with each error of Before, Handle and After, but not for panics.
// What it returns takes the error's place: the error itself, Retry or Permanent of it, or
// nil for handled.
type ErrorHandler interface {
	OnError(ctx context.Context, m *Message, err error) error
}

// TombstoneHandler is called for messages without a value, which say that
// their key was deleted. They have no envelope: m.Header is zero, and neither
// the other hooks nor the registration's middleware run.
type TombstoneHandler interface {
	HandleTombstone(ctx context.Context, m *Message) error
}

// withHooks returns next with the hooks of h around it, if h has any.
func withHooks(next Handler, h any) Handler {
	before, hasBefore := h.(BeforeHandler)
	after, hasAfter := h.(AfterHandler)
	onError, hasOnError := h.(ErrorHandler)
	if !hasBefore && !hasAfter && !hasOnError {
		return next
	}
	return HandlerFunc(func(ctx context.Context, m *Message) (err error) {
		if hasBefore {
			err = before.Before(ctx, m)
		}
		if err == nil {
			err = next.Handle(ctx, m)
		}
		if err == nil && hasAfter {
			err = after.After(ctx, m)
		}
		if err != nil && hasOnError {
			return onError.OnError(ctx, m, err)
		}
		return err
	})
}

// Codec reads and writes envelopes, in several goroutines at once. It may also be a Binder,
// and a Starter and a Stopper: a registry starts it before its handlers and shuts it down
// after them.
type Codec interface {
	// Open reads the envelope in m.Value. It returns its header and its body as
	// it stands, which Decode gets if there is a model for it. Fields that the
	// envelope lacks stay empty: the registry checks them. With an error it
	// returns the header as far as it was read.
	//
	// An error of Open or Decode means that the message can never be read,
	// unless it was made with Unavailable or Retry.
	Open(ctx context.Context, m *Message) (Header, []byte, error)

	// Decode reads a body into out, a pointer to a model.
	Decode(ctx context.Context, m *Message, body []byte, out any) error

	// Encode sets m.Value to what Open reads, and may append to m.Headers what
	// does not go into the value. m.Topic is set, and h is complete. After an
	// error m is as it was.
	Encode(ctx context.Context, m *Message, h Header, body any) error
}

// Binder is a Codec that has to know beforehand which models it will meet.
type Binder interface {
	// Bind is called for each registration with the type of the body. Its
	// error is a mistake in the wiring. It does not use the network: that is
	// for Startup.
	Bind(topic string, model reflect.Type) error
}

// Rules are what the bodies of a model must keep.
type Rules interface {
	// Of returns the check of a model's bodies, which gets a pointer to the
	// body and says with Invalid what is wrong with it. It is nil when there is
	// nothing to check. An error is a mistake in the model.
	Of(model reflect.Type) (check func(body any) error, err error)
}

// ForbidExtra is for models to embed: the JSON codec then refuses bodies with
// fields that the model does not have, at any depth. It takes no space and
// does not appear in the JSON.
type ForbidExtra struct{}

func (ForbidExtra) forbidsExtra() {}

// ForbidsExtra is what a pointer to a model implements that embeds ForbidExtra.
type ForbidsExtra interface{ forbidsExtra() }
