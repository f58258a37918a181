package message

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-playground/validator/v10"
)

// Registry is where topics meet their handlers. It is itself the Handler of
// every message: it decodes and checks the message, and gives it to the
// handler of its topic and type.
//
// Make all registrations first, then call Startup, then Handle. A Registry
// must not be changed once it handles messages.
type Registry struct {
	handler  Handler // the middleware around dispatch
	codec    Codec   // of the topics whose registration names none
	topics   map[string]*topic
	rules    []func(Header) error
	parts    []any       // codecs, then handlers, with a Startup or a Shutdown, as they were registered
	codecs   int         // how many of parts are codecs
	refuse   bool        // types that no handler takes, whatever default handlers there are
	started  int         // how many of parts were started
	running  atomic.Bool // between Startup and Shutdown
	validate *validator.Validate
}

// topic is what is registered for one topic. Either one binding takes every
// message, or each binding takes the messages of its type, and another one,
// perhaps, all that is left.
type topic struct {
	name      string
	handler   Handler // the topic's middleware around handle, nil for none
	around    []Middleware
	codec     Codec
	any       *binding
	types     map[string]*binding
	fallback  *binding
	tombstone TombstoneHandler
	batch     Batch // its size is 0 when messages are handled one by one
}

// binding is one registration with its types erased.
type binding struct {
	open    func(m *Message, h *Header) (*handling, any) // makes m.Header and the context, returns where the body goes
	handler Handler                                      // validation, middleware, hooks and the typed handler
	unread  bool                                         // the body is not decoded
}

// NewRegistry returns an empty registry. The middleware runs around everything
// that happens to a message, decoding included, the first one outermost: what
// it calls before the next handler sees no m.Header yet.
func NewRegistry(middleware ...Middleware) *Registry {
	r := &Registry{codec: JSON{}, topics: make(map[string]*topic), validate: newValidator()}
	r.handler = Chain(HandlerFunc(r.dispatch), middleware...)
	return r
}

// Topics returns the topics that have a handler, sorted.
func (r *Registry) Topics() []string { return slices.Sorted(maps.Keys(r.topics)) }

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
	around := slices.Concat(t.around, middleware)
	handler, err := chain(HandlerFunc(func(ctx context.Context, m *Message) error { return r.handle(ctx, t, m) }), around)
	if err != nil {
		return err
	}
	t.handler, t.around = handler, around
	return nil
}

// RefuseUnknownTypes makes messages dead letters whose type no handler of their
// topic takes, even where RegisterDefault registered one for them.
func (r *Registry) RefuseUnknownTypes() { r.refuse = true }

// CheckHeader adds a rule that each header must keep, besides that all fields
// but correlationId are required. The rule says what is wrong with Invalid, or
// with any other error. It runs for every message, so it should be quick.
func (r *Registry) CheckHeader(rule func(Header) error) {
	if rule == nil {
		panic(errors.New("message: CheckHeader: the rule is nil"))
	}
	r.rules = append(r.rules, rule)
}

// RequireCorrelationID is a rule for CheckHeader.
func RequireCorrelationID(h Header) error {
	if h.CorrelationID == "" {
		return Invalid("correlationId", "is required")
	}
	return nil
}

// Handle decodes m, checks it and calls its handler; m.Header and m.Body are
// set on the way, m.Header even when the body cannot be read. The error is the
// handler's, or a permanent *Error: of ClassUnhandled for a topic, a message
// type or a tombstone that nobody handles, of ClassDecode or ClassInvalid for a
// message that cannot be read or breaks a rule.
func (r *Registry) Handle(ctx context.Context, m *Message) error {
	return r.handler.Handle(ctx, m)
}

func (r *Registry) dispatch(ctx context.Context, m *Message) error {
	m.Header, m.Body = nil, nil // a message that is tried again starts anew
	t := r.topics[m.Topic]
	if t == nil {
		return Fail(ClassUnhandled, "no handler for topic %q", m.Topic)
	}
	if t.handler != nil {
		return t.handler.Handle(ctx, m)
	}
	return r.handle(ctx, t, m)
}

func (r *Registry) handle(ctx context.Context, t *topic, m *Message) error {
	if m.Value == nil {
		if t.tombstone == nil {
			return Fail(ClassUnhandled, "topic %q: no handler for tombstones", m.Topic)
		}
		return t.tombstone.HandleTombstone(NewContext(ctx, m), m)
	}
	b, ctx, err := r.decode(ctx, t, m)
	if err != nil {
		return err
	}
	return b.handler.Handle(ctx, m)
}

// decode reads m by the codec of t and returns the binding of its type, and the
// context for its handler.
func (r *Registry) decode(ctx context.Context, t *topic, m *Message) (*binding, context.Context, error) {
	d := decodings.Get().(*decoding)
	defer func() {
		*d = decoding{route: d.route}
		decodings.Put(d)
	}()
	d.registry, d.topic, d.message = r, t, m
	err := t.codec.Decode(ctx, m, &d.header, d.route)
	switch {
	case d.binding != nil && d.binding.unread: // err is errUnread
	case err != nil:
		if _, ok := errors.AsType[*Error](err); !ok {
			err = &Error{Class: ClassDecode, Err: err, Outcome: NeverMore}
		}
		return nil, nil, err
	case d.binding == nil:
		return nil, nil, Fail(ClassDecode, "topic %q: the codec %T read no body", t.name, t.codec)
	default:
		m.Body = d.body
	}
	*d.handling = handling{ctx, m}
	return d.binding, d.handling, nil
}

// errUnread keeps a codec from reading a body that nobody has a model for.
var errUnread = errors.New("the body is not read")

// decoding is the state of decoding one message. It is reused, and keeps the
// method that the codec calls, so that neither is allocated for each message.
type decoding struct {
	registry *Registry
	topic    *topic
	message  *Message
	header   Header
	binding  *binding
	handling *handling // the context for its handler
	body     any
	route    func(*Header) (any, error)
}

var decodings = sync.Pool{New: func() any {
	d := new(decoding)
	d.route = d.toBinding
	return d
}}

// toBinding is called by the codec between the header and the body.
func (d *decoding) toBinding(h *Header) (any, error) {
	if err := d.registry.checkHeader(h); err != nil {
		return nil, d.refuse(h, err)
	}
	b := d.topic.any
	if b == nil {
		b = d.topic.types[h.MessageType]
	}
	if b == nil && !d.registry.refuse {
		b = d.topic.fallback
	}
	if b == nil {
		return nil, d.refuse(h, Fail(ClassUnhandled, "header.messageType: no handler for %s on topic %q, only for %s",
			quote(h.MessageType), d.topic.name, d.topic.known()))
	}
	d.binding = b
	d.handling, d.body = b.open(d.message, h)
	if b.unread {
		return nil, errUnread
	}
	return d.body, nil
}

// refuse lets the message keep its header: it tells who sent what.
func (d *decoding) refuse(h *Header, err error) error {
	header := *h
	d.message.Header = &header
	return err
}

func (r *Registry) checkHeader(h *Header) error {
	if err := h.check(); err != nil {
		return err
	}
	for _, rule := range r.rules {
		if err := rule(*h); err != nil {
			return invalid("header", err)
		}
	}
	return nil
}

func (t *topic) known() string {
	return strings.Join(slices.Sorted(maps.Keys(t.types)), ", ")
}
