package message

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry is where topics meet their handlers. It is itself the Handler of
// every message: it decodes and checks the message, and gives it to the
// handler of its topic and type.
//
// Make all registrations first, then call Startup, then Handle. A Registry
// must not be changed once it handles messages.
type Registry struct {
	*shared
	handler Handler // the middleware around handle
	topics  map[string]*topic
	parts   []any       // codecs, then handlers, with a Startup or a Shutdown, as they were registered
	codecs  int         // how many of parts are codecs
	started int         // how many of parts were started
	running atomic.Bool // between Startup and Shutdown
}

// shared is what a registry has in common with its siblings.
type shared struct {
	codec       Codec            // of the topics that have no other
	topicCodecs map[string]Codec // of each topic that is consumed or published to
	rules       Rules
	checks      sync.Map // of reflect.Type to what rules gave for it
	headerRules []func(Header) error
	isOutage    func(error) bool
	middleware  []Middleware
	published   map[string]bool
}

// topic is what is registered for one topic. Either one registration takes
// every message, or each takes the messages of its type, and another one,
// perhaps, all that is left.
type topic struct {
	name       string
	registry   *Registry
	codec      Codec
	middleware []Middleware
	handler    Handler // the middleware around handle
	all        *registration
	types      map[string]*registration
	fallback   *registration
	tombstones TombstoneHandler
}

// NewRegistry returns an empty registry. The middleware runs around everything
// that happens to a message, decoding included, the first one outermost: before
// it calls the next handler, m.Header is zero. Nil rules check nothing.
func NewRegistry(codec Codec, rules Rules, middleware ...Middleware) *Registry {
	if isNil(codec) {
		panic(errors.New("message: NewRegistry: the codec is nil"))
	}
	return newRegistry(&shared{
		codec: codec, topicCodecs: make(map[string]Codec), rules: rules, isOutage: IsOutage,
		middleware: middleware, published: make(map[string]bool),
	})
}

// NewSibling returns an empty registry for a further consumer, which has topics
// of its own. It shares codecs, rules, middleware and what is published with r.
func (r *Registry) NewSibling() *Registry { return newRegistry(r.shared) }

func newRegistry(s *shared) *Registry {
	r := &Registry{shared: s, topics: make(map[string]*topic)}
	handler, err := chain(HandlerFunc(r.routeTopic), s.middleware)
	if err != nil {
		panic(fmt.Errorf("message: NewRegistry: %w", err))
	}
	r.handler = handler
	r.addCodec(s.codec)
	return r
}

// SetCodec makes c the codec of the topics whose registration names none. It
// comes before the registrations and panics otherwise.
func (r *Registry) SetCodec(c Codec) {
	switch {
	case isNil(c):
		panic(errors.New("message: SetCodec: the codec is nil"))
	case len(r.topicCodecs) > 0:
		panic(fmt.Errorf("message: SetCodec: comes before the registrations, but topics %s have a codec already",
			strings.Join(slices.Sorted(maps.Keys(r.topicCodecs)), ", ")))
	}
	r.codec = c
	r.addCodec(c)
}

// SetOutageRule replaces IsOutage as the rule for errors that count as
// Unavailable although the handler did not say so. The rule is not asked about
// errors made with Retry, Permanent or Unavailable.
func (r *Registry) SetOutageRule(rule func(error) bool) {
	if rule == nil {
		panic(errors.New("message: SetOutageRule: the rule is nil"))
	}
	r.isOutage = rule
}

// CheckHeader adds a rule that the header of each message must keep, besides
// that all fields but correlationId are required. The rule says what is wrong
// with Invalid, or with any other error.
func (r *Registry) CheckHeader(rule func(Header) error) {
	if rule == nil {
		panic(errors.New("message: CheckHeader: the rule is nil"))
	}
	r.headerRules = append(r.headerRules, rule)
}

// Use adds middleware to one topic, which has its handlers already. It runs
// around everything that happens to the topic's messages, whatever their type,
// decoding and tombstones included: inside the registry's middleware, outside
// that of With, the first one outermost. It panics on a mistake in the wiring.
func (r *Registry) Use(topic string, middleware ...Middleware) {
	if err := r.use(topic, middleware); err != nil {
		panic(fmt.Errorf("message: middleware of topic %q: %w", topic, err))
	}
}

func (r *Registry) use(topic string, middleware []Middleware) error {
	t := r.topics[topic]
	switch {
	case r.running.Load():
		return errStarted
	case t == nil:
		return errors.New("the topic has no handler: register one first")
	}
	all := slices.Concat(t.middleware, middleware)
	handler, err := chain(HandlerFunc(t.handle), all)
	if err != nil {
		return err
	}
	t.handler, t.middleware = handler, all
	return nil
}

// Topics returns the topics that have a handler, sorted.
func (r *Registry) Topics() []string { return slices.Sorted(maps.Keys(r.topics)) }

// Types returns the message types of a topic that have a handler, sorted. There
// are none when one handler takes them all.
func (r *Registry) Types(topic string) []string {
	if t := r.topics[topic]; t != nil {
		return slices.Sorted(maps.Keys(t.types))
	}
	return nil
}

// Handle decodes m, checks it and calls its handler. On the way it sets
// m.Header, also when the body cannot be read, m.Decoded and m.Retry. The error
// is the handler's, Unavailable when the outage rule says so, or a permanent
// *Error: of ClassUnhandled when there is no handler for the topic, message
// type or tombstone, of ClassDecode or ClassInvalid for a message that cannot
// be read or breaks a rule.
func (r *Registry) Handle(ctx context.Context, m *Message) error {
	m.Header, m.Decoded, m.Retry = Header{}, nil, nil
	return r.classify(r.handler.Handle(ctx, m))
}

// classify applies the outage rule.
func (r *Registry) classify(err error) error {
	if err != nil && OutcomeOf(err) == OutcomePlain && r.isOutage(err) {
		return Unavailable(err)
	}
	return err
}

func (r *Registry) routeTopic(ctx context.Context, m *Message) error {
	t := r.topics[m.Topic]
	if t == nil {
		return Fail(ClassUnhandled, "no handler for topic %q", m.Topic)
	}
	return t.handler.Handle(ctx, m)
}

// handle opens the envelope, finds the registration, decodes and checks the
// body, and calls the handler.
func (t *topic) handle(ctx context.Context, m *Message) (err error) {
	if m.Value == nil {
		return t.handleTombstone(ctx, m)
	}
	var body []byte
	if m.Header, body, err = t.codec.Open(ctx, m); err != nil {
		return unreadable(err)
	}
	reg, err := t.find(&m.Header)
	if err != nil {
		return err
	}
	m.Retry = reg.retry
	if reg.newBody != nil {
		decoded := reg.newBody()
		if err := t.codec.Decode(ctx, m, body, decoded); err != nil {
			return unreadable(err)
		}
		m.Decoded = decoded
		if err := checkBody(reg.check, decoded); err != nil {
			return err
		}
	}
	return reg.handler.Handle(NewContext(ctx, m), m)
}

func (t *topic) handleTombstone(ctx context.Context, m *Message) error {
	if t.tombstones == nil {
		return Fail(ClassUnhandled, "topic %q: no handler for tombstones", m.Topic)
	}
	return t.tombstones.HandleTombstone(NewContext(ctx, m), m)
}

// unreadable gives a codec's error its class, unless it has one.
func unreadable(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Class: ClassDecode, Err: err, Outcome: OutcomePermanent}
}

// find checks a header and returns the registration of its messages.
func (t *topic) find(h *Header) (*registration, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := checkHeader(t.registry.headerRules, h); err != nil {
		return nil, err
	}
	reg := t.all
	if reg == nil {
		reg = t.types[h.MessageType]
	}
	if reg == nil {
		reg = t.fallback
	}
	if reg == nil {
		return nil, Fail(ClassUnhandled, "header.messageType: no handler for %.40q on topic %q, only for %s",
			h.MessageType, t.name, strings.Join(t.registry.Types(t.name), ", "))
	}
	return reg, checkHeader(reg.headerRules, h)
}

func checkHeader(rules []func(Header) error, h *Header) error {
	for _, rule := range rules {
		if err := rule(*h); err != nil {
			return InvalidPart("header", err)
		}
	}
	return nil
}

func checkBody(check func(any) error, body any) error {
	if check == nil {
		return nil
	}
	if err := check(body); err != nil {
		return InvalidPart("body", err)
	}
	return nil
}

// rulesOf returns the check of a model's bodies, nil for none. It is made once
// for each model.
func (s *shared) rulesOf(model reflect.Type) (func(any) error, error) {
	if check, ok := s.checks.Load(model); ok {
		return check.(func(any) error), nil //nolint:forcetypeassert // stored below
	}
	if s.rules == nil {
		return nil, nil
	}
	check, err := s.rules.Of(model)
	if err != nil {
		return nil, err
	}
	s.checks.Store(model, check)
	return check, nil
}
