package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Of is a message whose body was decoded into a T. Header and Body are copies
// of what the embedded Message points to.
type Of[T any] struct {
	*Message
	Header Header
	Body   T
}

// TypedHandler handles messages whose body is a T. What its error means is
// said at Handler. It may also implement the interfaces in lifecycle.go.
type TypedHandler[T any] interface {
	Handle(ctx context.Context, m Of[T]) error
}

// TypedHandlerFunc lets a function be a TypedHandler.
type TypedHandlerFunc[T any] func(ctx context.Context, m Of[T]) error

// Handle calls f.
func (f TypedHandlerFunc[T]) Handle(ctx context.Context, m Of[T]) error { return f(ctx, m) }

// Option changes one registration.
type Option func(*registration)

type registration struct {
	middleware  []Middleware
	codec       Codec
	part        any     // what has the optional interfaces: the handler, mostly
	messageType *string // what the model declares, nil for none
	fallback    bool    // takes what no other handler of the topic does
	mistakes    []error // of the options
}

// partOf makes h, and not the handler that is registered, the one whose
// optional interfaces count.
func partOf(h any) Option {
	return func(r *registration) { r.part = h }
}

// With adds middleware to one registration. It runs after the message was
// decoded and found valid, so it sees m.Header and m.Body (a pointer to the
// body); the first one is outermost. It does not run for tombstones.
func With(middleware ...Middleware) Option {
	return func(r *registration) { r.middleware = append(r.middleware, middleware...) }
}

// WithCodec gives the topic another codec than the registry's. It belongs to
// the first registration of a topic.
func WithCodec(c Codec) Option {
	return func(r *registration) {
		if isNil(c) {
			r.mistakes = append(r.mistakes, errors.New("the codec is nil"))
			return
		}
		r.codec = c
	}
}

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
	if err := register(r, topic, h, opts); err != nil {
		return fmt.Errorf("message: register %s on topic %q: %w", reflect.TypeFor[T](), topic, err)
	}
	return nil
}

func register[T any](r *Registry, name string, h TypedHandler[T], opts []Option) error {
	t, reg, err := r.prepare(name, h, opts)
	if err != nil {
		return err
	}
	if reg.messageType, err = messageType[T](); err != nil {
		return err
	}
	b, err := bind(r, h, reg)
	if err != nil {
		return err
	}
	if err := t.accepts(reg); err != nil {
		return err
	}
	if binder, ok := reg.codec.(Binder); ok {
		if err := binder.Bind(name, reflect.TypeFor[T]()); err != nil {
			return err
		}
	}
	r.enter(t, b, reg)
	return nil
}

// RegisterDefault makes h the handler of the messages on topic whose type no
// other handler of the topic takes. Without one they are dead letters, and so
// they are when the registry was told to RefuseUnknownTypes. Their
// bodies are not read: h gets m.Header, and m.Value as it came, but no m.Body.
//
// The options and the optional interfaces are those of Register. Like that,
// RegisterDefault panics on a mistake in the wiring.
func RegisterDefault(r *Registry, topic string, h Handler, opts ...Option) {
	if err := registerDefault(r, topic, h, opts); err != nil {
		panic(fmt.Errorf("message: register the default handler of topic %q: %w", topic, err))
	}
}

func registerDefault(r *Registry, name string, h Handler, opts []Option) error {
	t, reg, err := r.prepare(name, h, opts)
	if err != nil {
		return err
	}
	reg.fallback = true
	handler, err := chain(withHooks(h, h), reg.middleware)
	if err != nil {
		return err
	}
	if err := t.accepts(reg); err != nil {
		return err
	}
	r.enter(t, &binding{open: openEnvelope[struct{}], handler: handler, unread: true}, reg)
	return nil
}

// bind erases the type of h: the one place where typed meets untyped.
func bind[T any](r *Registry, h TypedHandler[T], reg registration) (*binding, error) {
	if err := checkModel(reflect.TypeFor[T](), reg.codec); err != nil {
		return nil, err
	}
	check, err := validation[T](r.validate)
	if err != nil {
		return nil, err
	}
	handler, err := chain(withHooks(typed[T]{h}, reg.part), reg.middleware)
	if err != nil {
		return nil, err
	}
	if check != nil {
		handler = validated[T]{check, handler}
	}
	return &binding{open: openEnvelope[T], handler: handler}, nil
}

// envelope is the one allocation of a decoded message, but for what its
// strings need.
type envelope[T any] struct {
	context handling
	header  Header
	body    T
}

func openEnvelope[T any](m *Message, h *Header) (*handling, any) {
	e := &envelope[T]{header: *h}
	m.Header = &e.header
	return &e.context, &e.body
}

type typed[T any] struct{ handler TypedHandler[T] }

func (t typed[T]) Handle(ctx context.Context, m *Message) error {
	body, ok := m.Body.(*T)
	if !ok || m.Header == nil {
		return Fail(ClassHandler, "a middleware of topic %q took away the header or the body's type: body is %T", m.Topic, m.Body)
	}
	return t.handler.Handle(ctx, Of[T]{Message: m, Header: *m.Header, Body: *body})
}
