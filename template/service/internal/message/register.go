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
	middleware []Middleware
	codec      Codec
	part       any // what has the optional interfaces; nil for the handler itself
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

// WithCodec gives the topic another codec than JSON. It belongs to the first
// registration of a topic.
func WithCodec(c Codec) Option {
	return func(r *registration) { r.codec = c }
}

// Register makes h the handler of the messages on topic whose body is a T.
//
// When T has a method MessageType() string, h gets the messages of that type
// only, and other handlers may be registered for the topic's other types.
// Otherwise h gets them all. When T has a method Validate() error, that alone
// decides whether a body is valid; otherwise its validate tags do.
//
// Register panics on a mistake in the wiring; RegisterSafely returns it.
func Register[T any](r *Registry, topic string, h TypedHandler[T], opts ...Option) {
	if err := RegisterSafely(r, topic, h, opts...); err != nil {
		panic(err)
	}
}

// RegisterSafely is Register, but returns a mistake in the wiring as an error:
// a topic that cannot be consumed, a handler that is nil, a second handler for
// the same messages, a model with a wrong tag.
func RegisterSafely[T any](r *Registry, topic string, h TypedHandler[T], opts ...Option) error {
	if err := register(r, topic, h, opts); err != nil {
		return fmt.Errorf("message: register %s on topic %q: %w", reflect.TypeFor[T](), topic, err)
	}
	return nil
}

func register[T any](r *Registry, name string, h TypedHandler[T], opts []Option) error {
	if isNil(h) {
		return errors.New("the handler is nil")
	}
	t, err := r.at(name)
	if err != nil {
		return err
	}
	var reg registration
	for _, opt := range opts {
		opt(&reg)
	}
	if reg.part == nil {
		reg.part = h
	}
	if reg.codec == nil {
		reg.codec = t.codec
	} else if !t.empty() {
		return errors.New("the topic's first registration chose its codec")
	}
	b, err := bind(r, h, reg)
	if err != nil {
		return err
	}
	if err := t.add(messageType[T](), b, reg.part); err != nil {
		return err
	}
	t.codec = reg.codec
	r.topics[name] = t
	r.addPart(reg.part)
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
	handler := Chain(withHooks(typed[T]{h}, reg.part), reg.middleware...)
	if check != nil {
		handler = validated[T]{check, handler}
	}
	return &binding{open: openEnvelope[T], handler: handler}, nil
}

// envelope is the one allocation of a decoded message, but for what its
// strings need.
type envelope[T any] struct {
	header Header
	body   T
}

func openEnvelope[T any](m *Message, h *Header) any {
	e := &envelope[T]{header: *h}
	m.Header = &e.header
	return &e.body
}

type typed[T any] struct{ handler TypedHandler[T] }

func (t typed[T]) Handle(ctx context.Context, m *Message) error {
	body, ok := m.Body.(*T)
	if !ok || m.Header == nil {
		return Fail(ClassHandler, "a middleware of topic %q took away the header or the body's type: body is %T", m.Topic, m.Body)
	}
	return t.handler.Handle(ctx, Of[T]{Message: m, Header: *m.Header, Body: *body})
}

// add routes messages of the given type, or all when it is empty, to b. It
// changes nothing when it fails.
func (t *topic) add(messageType *string, b *binding, h any) error {
	switch {
	case messageType != nil && *messageType == "":
		return errors.New("the model's MessageType is empty")
	case t.any != nil:
		return errors.New("the topic has a handler for all its messages already")
	case messageType == nil && !t.empty():
		return fmt.Errorf("the model has no MessageType, but the topic has handlers by type: %s", t.known())
	case messageType != nil && t.types[*messageType] != nil:
		return fmt.Errorf("the topic has a handler for the message type %q already", *messageType)
	}
	if err := t.addTombstone(h); err != nil {
		return err
	}
	if messageType == nil {
		t.any = b
	} else {
		t.types[*messageType] = b
	}
	return nil
}

func (t *topic) empty() bool { return t.any == nil && len(t.types) == 0 }

func (t *topic) addTombstone(h any) error {
	tombstone, ok := h.(TombstoneHandler)
	switch {
	case !ok:
		return nil
	case t.tombstone != nil:
		return errors.New("a tombstone has no message type, and the topic has a handler with HandleTombstone already")
	}
	t.tombstone = tombstone
	return nil
}

// messageType returns the message type that model T declares, or nil.
func messageType[T any]() *string {
	if m, ok := any(new(T)).(interface{ MessageType() string }); ok {
		s := m.MessageType()
		return &s
	}
	return nil
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return rv.IsNil()
	default:
		return false
	}
}
