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
	handler  Handler // the middleware around routeTopic
	topics   map[string]*topic
	codecs   []any       // of its topics
	handlers []any       // as they were registered
	started  []any       // codecs, then handlers
	running  atomic.Bool // between Startup and Shutdown
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
	s := &shared{rules: rules, isOutage: IsOutage, middleware: middleware, topicCodecs: make(map[string]Codec), published: make(map[string]bool)}
	r := newRegistry(s)
	r.SetCodec(codec)
	return r
}

// NewSibling returns an empty registry for a further consumer, which has topics
// of its own. It shares codecs, rules, middleware and what is published with r.
func (r *Registry) NewSibling() *Registry { return newRegistry(r.shared) }

func newRegistry(s *shared) *Registry {
	r := &Registry{shared: s, topics: make(map[string]*topic)}
	handler, err := chain(HandlerFunc(r.routeTopic), s.middleware)
	mustWire("NewRegistry", err)
	r.handler = handler
	return r
}

// SetCodec makes c the codec of the topics whose registration names none. It
// comes before the registrations and panics otherwise.
func (r *Registry) SetCodec(c Codec) {
	mustWire("SetCodec", errorIfNil(c, "codec"))
	if len(r.topicCodecs) > 0 {
		mustWire("SetCodec", fmt.Errorf("comes before the registrations, but these topics have a codec already: %s",
			strings.Join(slices.Sorted(maps.Keys(r.topicCodecs)), ", ")))
	}
	r.codec = c
}

// SetOutageRule replaces IsOutage as the rule for errors that count as
// Unavailable although the handler did not say so. The rule is not asked about
// errors made with Retry, Permanent or Unavailable.
func (r *Registry) SetOutageRule(rule func(error) bool) {
	mustWire("SetOutageRule", errorIfNil(rule, "rule"))
	r.isOutage = rule
}

// CheckHeader adds a rule that the header of each message must keep, besides
// that all fields but correlationId are required. The rule says what is wrong
// with Invalid, or with any other error.
func (r *Registry) CheckHeader(rule func(Header) error) {
	mustWire("CheckHeader", errorIfNil(rule, "rule"))
	r.headerRules = append(r.headerRules, rule)
}

// Use adds middleware to one topic, which has its handlers already. It runs
// around everything that happens to the topic's messages, whatever their type,
// decoding and tombstones included: inside the registry's middleware, outside
// that of With, the first one outermost. It panics on a mistake in the wiring.
func (r *Registry) Use(topic string, middleware ...Middleware) {
	t, err := r.topics[topic], error(nil)
	switch {
	case r.running.Load():
		err = errStarted
	case t == nil:
		err = errors.New("the topic has no handler: register one first")
	default:
		t.middleware = slices.Concat(t.middleware, middleware)
		t.handler, err = chain(HandlerFunc(t.handle), t.middleware)
	}
	mustWire(fmt.Sprintf("middleware of topic %q", topic), err)
}

// mustWire panics on a mistake in the wiring.
func mustWire(what string, err error) {
	if err != nil {
		panic(fmt.Errorf("message: %s: %w", what, err))
	}
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
	if m.Value == nil && t.tombstones != nil {
		return t.tombstones.HandleTombstone(NewContext(ctx, m), m)
	} else if m.Value == nil {
		return Fail(ClassUnhandled, "topic %q: no handler for tombstones", m.Topic)
	}
	var body []byte
	if m.Header, body, err = t.codec.Open(ctx, m); err != nil {
		return unreadable(err)
	}
	reg, err := t.find(m)
	if err != nil {
		return err
	}
	m.Retry = reg.retry
	if reg.model != nil {
		decoded := reg.newBody()
		if err := t.codec.Decode(ctx, m, body, decoded); err != nil {
			return unreadable(err)
		}
		m.Decoded = decoded
		if err := reg.check(decoded); err != nil {
			return err
		}
	}
	return reg.handler.Handle(NewContext(ctx, m), m)
}

// unreadable gives a codec's error its class, unless it has one.
func unreadable(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Class: ClassDecode, Err: err, Outcome: OutcomePermanent}
}

// find checks a message's header and returns its registration.
func (t *topic) find(m *Message) (*registration, error) {
	if err := m.Header.check(); err != nil {
		return nil, err
	}
	if err := checkHeader(t.registry.headerRules, m.Header); err != nil {
		return nil, err
	}
	for _, reg := range []*registration{t.all, t.types[m.Header.MessageType], t.fallback} {
		if reg != nil {
			return reg, checkHeader(reg.headerRules, m.Header)
		}
	}
	return nil, Fail(ClassUnhandled, "header.messageType: no handler for %.40q on topic %q, only for %s",
		m.Header.MessageType, m.Topic, strings.Join(t.registry.Types(m.Topic), ", "))
}

func checkHeader(rules []func(Header) error, h Header) error {
	for _, rule := range rules {
		if err := InvalidPart("header", rule(h)); err != nil {
			return err
		}
	}
	return nil
}

// rulesOf returns the check of a model's bodies. It is made once for each model.
func (s *shared) rulesOf(model reflect.Type) (func(body any) error, error) {
	if check, ok := s.checks.Load(model); ok {
		return check.(func(any) error), nil //nolint:forcetypeassert // stored below
	}
	check := func(any) error { return nil }
	if s.rules != nil {
		rules, err := s.rules.Of(model)
		if err != nil {
			return nil, err
		}
		if rules != nil {
			check = func(body any) error { return InvalidPart("body", rules(body)) }
		}
	}
	s.checks.Store(model, check)
	return check, nil
}
