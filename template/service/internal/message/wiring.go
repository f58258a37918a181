package message

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Mistakes in the wiring end the start. Otherwise the first message would find
// them, or none would: a hook that is never called makes no noise.

var errStarted = errors.New("the registry was started: registrations come before that")

// prepare checks all of a registration that has nothing to do with its model.
func (r *Registry) prepare(name string, h any, opts []Option) (*registration, error) {
	switch {
	case r.running.Load():
		return nil, errStarted
	case isNil(h):
		return nil, errors.New("the handler is nil")
	}
	if err := checkTopic(name); err != nil {
		return nil, err
	}
	reg := &registration{hooks: h}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("option %d of %d is nil", i+1, len(opts))
		}
		opt(reg)
	}
	var err error
	if reg.topic, err = r.openTopic(name, reg.codec); err != nil {
		return nil, errors.Join(reg.mistake, err)
	}
	return reg, errors.Join(reg.mistake, checkOptional(reg.hooks, optionalOfHandlers), checkOptional(reg.topic.codec, optionalOfCodecs))
}

// openTopic returns the topic called name, or a new one that is not among the
// registry's yet. A nil codec is the topic's.
func (r *Registry) openTopic(name string, codec Codec) (*topic, error) {
	used := r.topicCodecs[name]
	switch {
	case codec != nil && used != nil:
		return nil, errors.New("the topic has its codec already, from its first registration or from Publishes")
	case used != nil:
		codec = used
	case codec == nil:
		codec = r.codec
	}
	if t := r.topics[name]; t != nil {
		return t, nil
	}
	t := &topic{name: name, registry: r, codec: codec, types: make(map[string]*registration)}
	t.handler = HandlerFunc(t.handle)
	return t, nil
}

// checkTopic refuses what Kafka refuses, and dead letter topics: what is in
// them has failed before and would fail again.
func checkTopic(name string) error {
	switch {
	case name == "" || len(name) > 249:
		return fmt.Errorf("a topic's name has 1 to 249 characters, this one has %d", len(name))
	case name == "." || name == "..":
		return errors.New("a topic cannot have this name")
	case strings.HasSuffix(name, ".dlq"):
		return errors.New("dead letters are not consumed, but sent back to their topic once the cause is fixed")
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("a topic's name has only letters, digits, '.', '_' and '-', not %q", c)
		}
	}
	return nil
}

// checkModel refuses types that no body can be decoded into.
func checkModel(t reflect.Type) error {
	switch t.Kind() {
	case reflect.Pointer:
		return fmt.Errorf("use the model %s itself, not a pointer to it", t.Elem())
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Errorf("a %s cannot be a body", t.Kind())
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("the interface %s cannot be a body", t)
		}
	default:
	}
	return nil
}

// messageTypeOf returns the message type that model T declares, or nil.
func messageTypeOf[T any]() (*string, error) {
	m, ok := any(new(T)).(interface{ MessageType() string })
	if !ok {
		if method := reflect.ValueOf(new(T)).MethodByName("MessageType"); method.IsValid() {
			return nil, fmt.Errorf("the model's MessageType is a %s, must be a func() string", method.Type())
		}
		return nil, nil
	}
	s := m.MessageType()
	if s == "" {
		return nil, errors.New("the model's MessageType is empty")
	}
	return &s, nil
}

// add adds a registration to its topic, and the topic to r. A nil model has no
// codec to bind to.
func (r *Registry) add(reg *registration, model reflect.Type) error {
	t := reg.topic
	if err := t.accepts(reg); err != nil {
		return err
	}
	if model != nil {
		if err := bind(t.codec, t.name, model); err != nil {
			return err
		}
	}
	switch {
	case reg.isDefault:
		t.fallback = reg
	case reg.messageType == nil:
		t.all = reg
	default:
		t.types[*reg.messageType] = reg
	}
	if h, ok := reg.hooks.(TombstoneHandler); ok {
		t.tombstones = h
	}
	r.topics[t.name], r.topicCodecs[t.name] = t, t.codec
	r.addCodec(t.codec)
	r.addPart(reg.hooks)
	return nil
}

// accepts refuses a second handler for the same messages.
func (t *topic) accepts(reg *registration) error {
	_, tombstones := reg.hooks.(TombstoneHandler)
	all := reg.messageType == nil && !reg.isDefault
	switch {
	case t.all != nil:
		return errors.New("the topic has a handler for all its messages already")
	case all && len(t.types) > 0:
		return fmt.Errorf("the model has no MessageType, but the topic has handlers by type: %s", strings.Join(t.registry.Types(t.name), ", "))
	case all && t.fallback != nil:
		return errors.New("the model has no MessageType, but the topic has a default handler, which would get nothing")
	case reg.isDefault && t.fallback != nil:
		return errors.New("the topic has a default handler already")
	case reg.messageType != nil && t.types[*reg.messageType] != nil:
		return fmt.Errorf("the topic has a handler for the message type %q already", *reg.messageType)
	case tombstones && t.tombstones != nil:
		return errors.New("a tombstone has no message type, and the topic has a handler with HandleTombstone already")
	}
	return nil
}

func bind(c Codec, topic string, model reflect.Type) error {
	if b, ok := c.(Binder); ok {
		return b.Bind(topic, model)
	}
	return nil
}

// The optional interfaces, each of one method.
var (
	optionalOfHandlers = []reflect.Type{
		reflect.TypeFor[Starter](), reflect.TypeFor[Stopper](), reflect.TypeFor[BeforeHandler](),
		reflect.TypeFor[AfterHandler](), reflect.TypeFor[ErrorHandler](), reflect.TypeFor[TombstoneHandler](),
	}
	optionalOfCodecs = []reflect.Type{
		reflect.TypeFor[Starter](), reflect.TypeFor[Stopper](), reflect.TypeFor[Binder](),
	}
)

// checkOptional refuses what has a method with the name of an optional
// interface's that would never be called: its signature is another one, or only
// a pointer has it.
func checkOptional(v any, optional []reflect.Type) error {
	t := reflect.TypeOf(v)
	receiver := reflect.ValueOf(v)
	if t.Kind() != reflect.Pointer {
		receiver = reflect.New(t)
	}
	var errs []error
	for _, i := range optional {
		want := i.Method(0)
		switch method := receiver.MethodByName(want.Name); {
		case !method.IsValid() || t.Implements(i):
		case method.Type() != want.Type:
			errs = append(errs, fmt.Errorf("%s.%s is a %s, but is called only as a %s: change it or its name", t, want.Name, method.Type(), want.Type))
		default:
			errs = append(errs, fmt.Errorf("%s.%s has a pointer receiver, so it would not be called: register a pointer to a %s", t, want.Name, t))
		}
	}
	return errors.Join(errs...)
}
