package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Registry is where topics meet their handlers. It is itself the Handler of
// every message: it decodes and checks the message, and gives it to the
// handler of its topic and type.
//
// Make all registrations first, then call Startup, then Handle. Its methods and
// Register panic on a mistake in the wiring, such as a topic that cannot be
// consumed, a handler that is nil, or a model with a wrong tag.
type Registry struct {
	*shared
	topics   map[string]*topic
	codecs   []any       // of its topics
	handlers []any       // as they were registered
	started  []any       // codecs, then handlers
	running  atomic.Bool // between Startup and Shutdown

	Group string // of the consumer, "" for all: what was redriven for another group is not handled
}

// RedriveGroup is the transport header of a message that came back from a dead letter
// topic: the group whose handler is to have it again.
const RedriveGroup = "forge-redrive-group"

// ErrOtherGroup is what Registry.Handle returns of a message that was redriven for
// another group: it is done, but no handler succeeded.
var ErrOtherGroup = errors.New("redriven for another group")

// shared is what a registry has in common with its siblings.
type shared struct {
	codec       Codec            // of the topics that have no other
	topicCodecs map[string]Codec // of each topic that is consumed or published to
	rules       Rules
	checks      sync.Map // of reflect.Type to what rules gave for it
	options     []Option // of all registrations
	isOutage    func(error) bool
	published   map[string]bool
}

// NewRegistry returns an empty registry. Nil rules check nothing.
func NewRegistry(codec Codec, rules Rules) *Registry {
	s := &shared{rules: rules, isOutage: IsOutage, topicCodecs: make(map[string]Codec), published: make(map[string]bool)}
	r := &Registry{shared: s, topics: make(map[string]*topic)}
	r.SetCodec(codec)
	return r
}

// NewSibling returns an empty registry for a further consumer, which has topics
// of its own. It shares codecs, rules, options and what is published with r.
func (r *Registry) NewSibling() *Registry {
	return &Registry{shared: r.shared, topics: make(map[string]*topic)}
}

// SetCodec makes c the codec of the topics whose registration names none. It
// comes before the registrations.
func (r *Registry) SetCodec(c Codec) {
	mustHave(c, "the codec")
	r.mustBeEmpty("SetCodec")
	r.codec = c
}

// SetOutageRule replaces IsOutage as the rule for errors that count as
// Unavailable although the handler did not say so. The rule is not asked about
// errors made with Retry, Permanent or Unavailable.
func (r *Registry) SetOutageRule(rule func(error) bool) {
	mustHave(rule, "the outage rule")
	r.isOutage = rule
}

// AddOptions gives each registration options, before those of its own: a rule for
// all headers, say, or middleware around all handlers. It comes before the
// registrations.
func (r *Registry) AddOptions(opts ...Option) {
	r.mustBeEmpty("AddOptions")
	r.options = append(r.options, opts...)
}

func (r *Registry) mustBeEmpty(caller string) {
	if len(r.topicCodecs) > 0 {
		panic(fmt.Errorf("message: %s comes before the registrations", caller))
	}
}

// Topics returns the topics that have a handler, sorted.
func (r *Registry) Topics() []string { return slices.Sorted(maps.Keys(r.topics)) }

// Types returns the message types of a topic that have a handler, sorted. There
// are none when one handler takes them all.
func (r *Registry) Types(topic string) []string {
	t := r.topics[topic]
	if t == nil {
		return nil
	}
	types := slices.Sorted(maps.Keys(t.registrations))
	return slices.DeleteFunc(types, func(messageType string) bool { return messageType == "" })
}

// Handle decodes m, checks it and calls its handler with a copy of it. On the way it sets
// m.Header, also when the body cannot be read, m.Decoded and m.Retry. The error is the
// handler's, made Unavailable by the outage rule; or ErrOtherGroup; or a permanent *Error
// of ClassUnhandled, when there is no handler for the topic, message type or tombstone, or
// of ClassDecode or ClassInvalid.
func (r *Registry) Handle(ctx context.Context, m *Message) error {
	m.Header, m.Decoded, m.Retry = Header{}, nil, nil
	for _, h := range m.Headers {
		if h.Key == RedriveGroup && r.Group != "" && string(h.Value) != r.Group {
			return ErrOtherGroup
		}
	}
	t := r.topics[m.Topic]
	if t == nil {
		return Fail(ClassUnhandled, "no handler for topic %q", m.Topic)
	}
	err := t.Handle(ctx, m)
	if err == nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return err // a network operation that failed by now ran into the handler's own time
	}
	return r.classify(err)
}

// classify applies the outage rule to an error.
func (s *shared) classify(err error) error {
	if OutcomeOf(err) == OutcomePlain && s.isOutage(err) {
		return Unavailable(err)
	}
	return err
}

// topic is what is registered for one topic.
type topic struct {
	registry      *Registry
	codec         Codec
	registrations map[string]*registration // by message type; "" takes what no other does
	tombstones    TombstoneHandler
}

// registration is one handler with its types erased.
type registration struct {
	model       reflect.Type // nil for a default handler, which reads no bodies
	messageType string       // what the model declares; empty for a handler of all others
	check       func(body any) error
	headerRules []func(Header) error
	retry       *RetryPolicy
	handler     Handler // with middleware and hooks

	hooks      any // what has the optional interfaces: the handler, mostly
	middleware []Middleware
	codec      Codec // nil for the topic's
}

// Option changes one registration, or all of them: Registry.AddOptions.
type Option func(*registration)

// Handle opens the envelope, finds the registration, checks the header, decodes
// and checks the body, and calls the handler.
func (t *topic) Handle(ctx context.Context, m *Message) error {
	if m.Value == nil && t.tombstones != nil {
		given := *m
		return t.tombstones.HandleTombstone(NewContext(ctx, &given), &given)
	} else if m.Value == nil {
		return Fail(ClassUnhandled, "topic %q: no handler for tombstones", m.Topic)
	}
	header, body, err := t.codec.Open(ctx, m)
	m.Header = header
	if err != nil {
		return unreadable(err)
	}
	if err := m.Header.check(); err != nil {
		return err
	}
	reg := cmp.Or(t.registrations[m.Header.MessageType], t.registrations[""])
	if reg == nil {
		return Fail(ClassUnhandled, "header.messageType: no handler for %s on topic %q, only for %s",
			Quote(m.Header.MessageType), m.Topic, strings.Join(t.registry.Types(m.Topic), ", "))
	}
	for _, rule := range reg.headerRules {
		if err := rule(m.Header); err != nil {
			return InvalidPart("header", err)
		}
	}
	m.Retry = reg.retry
	if reg.model != nil {
		decoded := reflect.New(reg.model).Interface()
		if err := t.codec.Decode(ctx, m, body, decoded); err != nil {
			return unreadable(err)
		}
		m.Decoded = decoded
		if err := reg.check(decoded); err != nil {
			return InvalidPart("body", err)
		}
	}
	given := *m // what the handler writes into it, now or later, is not read here
	if reg.retry != nil {
		given.Retry = new(*reg.retry)
	}
	return reg.handler.Handle(NewContext(ctx, &given), &given)
}

// unreadable gives a codec's error its class, unless it has one.
func unreadable(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Class: ClassDecode, Err: err, Outcome: OutcomePermanent}
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

// codecOf returns the codec of a topic that is consumed or published to.
func (s *shared) codecOf(topic string) Codec { return cmp.Or(s.topicCodecs[topic], s.codec) }

// rulesOf returns the check of a model's bodies. It is made once for each model.
func (s *shared) rulesOf(model reflect.Type) (check func(body any) error, err error) {
	if made, ok := s.checks.Load(model); ok {
		return made.(func(any) error), nil //nolint:forcetypeassert // stored below
	}
	if err = checkMethods(reflect.New(model).Interface(), modelMethods); err == nil && s.rules != nil {
		check, err = s.rules.Of(model)
	}
	if check == nil {
		check = func(any) error { return nil }
	}
	if err == nil {
		s.checks.Store(model, check)
	}
	return check, err
}
