package message

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Mistakes in the wiring end the start. Otherwise the first message would find
// them, or none would: a hook that is never called makes no noise.

// add completes a registration and adds it to its topic, and that to r.
func (r *Registry) add(name string, reg *registration, opts []Option) error {
	if r.running.Load() {
		return errStarted
	}
	for i, opt := range opts {
		if opt == nil {
			return fmt.Errorf("option %d of %d is nil", i+1, len(opts))
		}
		if err := opt(reg); err != nil {
			return err
		}
	}
	if err := errors.Join(errorIfNil(reg.hooks, "handler"), checkTopic(name)); err != nil {
		return err
	}
	t, err := r.openTopic(name, reg.codec)
	if err != nil {
		return err
	}
	if err := errors.Join(checkOptional(reg.hooks, optionalOfHandlers), checkOptional(t.codec, optionalOfCodecs)); err != nil {
		return err
	}
	if reg.model != nil {
		if err := r.prepareModel(name, t.codec, reg); err != nil {
			return err
		}
	}
	if reg.handler, err = chain(withHooks(reg.handler, reg.hooks), reg.middleware); err != nil {
		return err
	}
	if err := t.enter(reg); err != nil {
		return err
	}
	r.topics[name], r.topicCodecs[name] = t, t.codec
	r.codecs, r.handlers = append(r.codecs, t.codec), append(r.handlers, reg.hooks)
	return nil
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// checkTopic refuses what Kafka refuses, and dead letter topics: what is in
// them has failed before and would fail again.
func checkTopic(name string) error {
	switch {
	case !topicName.MatchString(name) || name == "." || name == "..":
		return errors.New("a topic's name has 1 to 249 letters, digits, '.', '_' and '-', and is not . or ..")
	case strings.HasSuffix(name, ".dlq"):
		return errors.New("dead letters are not consumed, but sent back to their topic once the cause is fixed")
	}
	return nil
}

// openTopic returns the topic called name, or a new one that is not among the
// registry's yet. A nil codec is the topic's, or else the registry's.
func (r *Registry) openTopic(name string, codec Codec) (*topic, error) {
	if codec != nil && r.topicCodecs[name] != nil {
		return nil, errors.New("the topic has its codec already, from its first registration or from Publishes")
	} else if codec == nil {
		codec = r.codecOf(name)
	}
	if t := r.topics[name]; t != nil {
		return t, nil
	}
	t := &topic{registry: r, codec: codec, types: make(map[string]*registration)}
	t.handler = HandlerFunc(t.handle)
	return t, nil
}

// codecOf returns the codec of a topic that is consumed or published to.
func (s *shared) codecOf(topic string) Codec {
	if c := s.topicCodecs[topic]; c != nil {
		return c
	}
	return s.codec
}

// prepareModel sets what a registration has of its model.
func (r *Registry) prepareModel(topic string, codec Codec, reg *registration) (err error) {
	switch kind := reg.model.Kind(); {
	case kind == reflect.Pointer:
		return fmt.Errorf("use the model %s itself, not a pointer to it", reg.model.Elem())
	case kind == reflect.Chan || kind == reflect.Func || kind == reflect.Interface && reg.model.NumMethod() > 0:
		return fmt.Errorf("a %s cannot be a body", kind)
	}
	body := reg.newBody()
	if m, ok := body.(interface{ MessageType() string }); ok {
		if reg.messageType = m.MessageType(); reg.messageType == "" {
			return errors.New("the model's MessageType is empty")
		}
	} else if method := reflect.ValueOf(body).MethodByName("MessageType"); method.IsValid() {
		return fmt.Errorf("the model's MessageType is a %s, must be a func() string", method.Type())
	}
	if reg.check, err = r.rulesOf(reg.model); err != nil {
		return err
	}
	return bind(codec, topic, reg.model)
}

func bind(c Codec, topic string, model reflect.Type) error {
	if b, ok := c.(Binder); ok {
		return b.Bind(topic, model)
	}
	return nil
}

// enter adds a registration, but refuses a second handler for the same messages.
func (t *topic) enter(reg *registration) error {
	tombstones, _ := reg.hooks.(TombstoneHandler)
	isDefault, isAll := reg.model == nil, reg.model != nil && reg.messageType == ""
	switch {
	case t.all != nil:
		return errors.New("the topic has a handler for all its messages already")
	case isAll && len(t.types) > 0:
		return errors.New("the model has no MessageType, but the topic has handlers by type")
	case isAll && t.fallback != nil:
		return errors.New("the model has no MessageType, but the topic has a default handler, which would get nothing")
	case isDefault && t.fallback != nil:
		return errors.New("the topic has a default handler already")
	case t.types[reg.messageType] != nil:
		return fmt.Errorf("the topic has a handler for the message type %q already", reg.messageType)
	case tombstones != nil && t.tombstones != nil:
		return errors.New("a tombstone has no message type, and the topic has a handler with HandleTombstone already")
	case isAll:
		t.all = reg
	case isDefault:
		t.fallback = reg
	default:
		t.types[reg.messageType] = reg
	}
	if tombstones != nil {
		t.tombstones = tombstones
	}
	return nil
}

// The optional interfaces, each of one method.
var (
	optionalOfHandlers = slices.Concat(optionalOfBoth, []reflect.Type{
		reflect.TypeFor[BeforeHandler](), reflect.TypeFor[AfterHandler](), reflect.TypeFor[ErrorHandler](), reflect.TypeFor[TombstoneHandler](),
	})
	optionalOfCodecs = slices.Concat(optionalOfBoth, []reflect.Type{reflect.TypeFor[Binder]()})
	optionalOfBoth   = []reflect.Type{reflect.TypeFor[Starter](), reflect.TypeFor[Stopper]()}
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
