package message

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// What is wrong with the wiring is told when the service starts, and not by its
// first message, or by none: a hook that is never called makes no noise.

var errStarted = errors.New("the registry was started: registrations come before that")

// prepare looks at all of a registration that has nothing to do with its model.
func (r *Registry) prepare(name string, h any, opts []Option) (*topic, registration, error) {
	reg := registration{part: h}
	if r.running.Load() {
		return nil, reg, errStarted
	}
	if isNil(h) {
		return nil, reg, errors.New("the handler is nil")
	}
	t, err := r.at(name)
	if err != nil {
		return nil, reg, err
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, reg, fmt.Errorf("option %d of %d is nil", i+1, len(opts))
		}
		opt(&reg)
	}
	switch {
	case reg.codec == nil:
		reg.codec = t.codec
	case !t.empty():
		reg.mistakes = append(reg.mistakes, errors.New("the topic's first registration chose its codec"))
	}
	return t, reg, errors.Join(errors.Join(reg.mistakes...),
		checkOptional(reg.part, optionalOfHandlers), checkOptional(reg.codec, optionalOfCodecs))
}

// at returns the topic called name, and makes it if need be.
func (r *Registry) at(name string) (*topic, error) {
	if t := r.topics[name]; t != nil {
		return t, nil
	}
	if err := checkTopic(name); err != nil {
		return nil, err
	}
	return &topic{name: name, codec: r.codec, types: make(map[string]*binding)}, nil
}

// checkTopic refuses what Kafka refuses, and dead letter topics: what is there
// has failed before and would fail again for ever.
func checkTopic(name string) error {
	switch {
	case name == "" || len(name) > 249:
		return fmt.Errorf("a topic's name has 1 to 249 characters, this one has %d", len(name))
	case name == "." || name == "..":
		return errors.New("a topic cannot have this name")
	case strings.HasSuffix(name, ".dlq"):
		return errors.New("dead letters are not consumed, but sent back to their topic once their cause is gone")
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("a topic's name has only letters, digits, '.', '_' and '-', not %q", c)
		}
	}
	return nil
}

// accepts refuses a second handler for the same messages.
func (t *topic) accepts(reg registration) error {
	_, tombstones := reg.part.(TombstoneHandler)
	all := reg.messageType == nil && !reg.fallback
	switch {
	case t.any != nil:
		return errors.New("the topic has a handler for all its messages already")
	case all && len(t.types) > 0:
		return fmt.Errorf("the model has no MessageType, but the topic has handlers by type: %s", t.known())
	case all && t.fallback != nil:
		return errors.New("the model has no MessageType, but the topic has a default handler, which would get nothing")
	case reg.fallback && t.fallback != nil:
		return errors.New("the topic has a default handler already")
	case reg.messageType != nil && t.types[*reg.messageType] != nil:
		return fmt.Errorf("the topic has a handler for the message type %q already", *reg.messageType)
	case tombstones && t.tombstone != nil:
		return errors.New("a tombstone has no message type, and the topic has a handler with HandleTombstone already")
	}
	return nil
}

// enter notes a registration that was accepted.
func (r *Registry) enter(t *topic, b *binding, reg registration) {
	switch {
	case reg.fallback:
		t.fallback = b
	case reg.messageType == nil:
		t.any = b
	default:
		t.types[*reg.messageType] = b
	}
	if tombstone, ok := reg.part.(TombstoneHandler); ok {
		t.tombstone = tombstone
	}
	t.codec = reg.codec
	r.topics[t.name] = t
	r.addCodec(reg.codec)
	r.addPart(reg.part)
}

func (t *topic) empty() bool { return t.any == nil && len(t.types) == 0 && t.fallback == nil }

// messageType returns the message type that model T declares, or nil.
func messageType[T any]() (*string, error) {
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
// interface's, but would never be called: its signature is another one, or only
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
