package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Register makes h the handler of the messages on topic whose body is a T.
//
// When T has a method MessageType() string, h gets the messages of that type
// only, and other handlers may be registered for the topic's other types, and
// one for all that is left with RegisterDefault. Otherwise h gets them all.
//
// When T has a method Validate() error, that alone decides whether a body is
// valid; otherwise its validate tags do.
//
// Register panics on a mistake in the wiring; RegisterSafely returns it.
func Register[T any](r *Registry, topic string, h TypedHandler[T], opts ...Option) {
	if err := RegisterSafely(r, topic, h, opts...); err != nil {
		panic(err)
	}
}

// RegisterSafely is Register, but returns a mistake in the wiring as an error:
// a topic that cannot be consumed, a handler that is nil, a second handler for
// the same messages, a model with a wrong tag, a hook that would never be
// called because its signature is another one.
func RegisterSafely[T any](r *Registry, topic string, h TypedHandler[T], opts ...Option) error {
	reg := &registration{hooks: h, model: reflect.TypeFor[T](), handler: typed[T]{h}, newBody: func() any { return new(T) }}
	if err := r.add(topic, reg, opts); err != nil {
		return fmt.Errorf("message: register %s on topic %q: %w", reg.model, topic, err)
	}
	return nil
}

// RegisterDefault makes h the handler of the messages on topic whose type no
// other handler of the topic takes; without one they are dead letters. Their
// bodies are not read: h gets m.Header, and m.Value as it came, but no
// m.Decoded. Options and optional interfaces are those of Register, and like
// that it panics on a mistake in the wiring.
func RegisterDefault(r *Registry, topic string, h Handler, opts ...Option) {
	if err := r.add(topic, &registration{hooks: h, handler: h}, opts); err != nil {
		panic(fmt.Errorf("message: register the default handler of topic %q: %w", topic, err))
	}
}

// registration is one handler with its types erased.
type registration struct {
	model       reflect.Type // nil for a default handler, which reads no bodies
	messageType string       // what the model declares, empty for all
	newBody     func() any   // returns a pointer to a model
	check       func(body any) error
	headerRules []func(Header) error
	retry       *RetryPolicy
	handler     Handler // with middleware and hooks

	hooks      any // what has the optional interfaces: the handler, mostly
	middleware []Middleware
	codec      Codec // nil for the topic's
}

// typed is a typed handler as a Handler: the one place where the two meet.
type typed[T any] struct{ handler TypedHandler[T] }

func (t typed[T]) Handle(ctx context.Context, m *Message) error {
	body, ok := m.Decoded.(*T)
	if !ok {
		return Fail(ClassHandler, "a middleware of topic %q changed the type of the body to %T", m.Topic, m.Decoded)
	}
	return t.handler.Handle(ctx, Of[T]{Message: m, Body: *body})
}

// Option changes one registration.
type Option func(*registration) error

// With adds middleware to one registration. It runs after the message was
// decoded and found valid, so it sees m.Header and m.Decoded (a pointer to the
// body); the first one is outermost. It does not run for tombstones.
func With(middleware ...Middleware) Option {
	return func(r *registration) error {
		r.middleware = append(r.middleware, middleware...)
		return nil
	}
}

// WithRetry gives the registration's messages a retry policy of their own.
func WithRetry(p RetryPolicy) Option {
	return func(r *registration) error {
		r.retry = &p
		return p.Validate()
	}
}

// WithHeaderRule adds a rule that the headers of the registration's messages
// must keep; Registry.CheckHeader is for all messages.
func WithHeaderRule(rule func(Header) error) Option {
	return func(r *registration) error {
		r.headerRules = append(r.headerRules, rule)
		return errorIfNil(rule, "header rule")
	}
}

// WithCodec gives the topic another codec than the registry's, also for what
// is published to it. It belongs to the topic's first registration.
func WithCodec(c Codec) Option {
	return func(r *registration) error {
		r.codec = c
		return errorIfNil(c, "codec")
	}
}

// hooksOf makes h, and not the handler that is registered, the one whose
// optional interfaces count.
func hooksOf(h any) Option {
	return func(r *registration) error {
		r.hooks = h
		return nil
	}
}

func errorIfNil(v any, what string) error {
	if isNil(v) {
		return errors.New("the " + what + " is nil")
	}
	return nil
}
