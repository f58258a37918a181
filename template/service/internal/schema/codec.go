package schema

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/singleflight"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Codec reads and writes bodies by their schemas, which are in a registry. It is
// in Avro or in JSON, as SCHEMA_REGISTRY_FORMAT says.
//
// In Avro, what was written by another version of the schema is read by the rules
// of Avro: fields that the model has no more are skipped, those that the writer did
// not have get their default, and numbers become wider. In JSON the value is that
// of Confluent's JSON serializers: the registry's five bytes and the body alone.
type Codec struct {
	registry *Registry
	format   format
	register bool   // schemas that the registry lacks
	strategy string // of subjects
	log      *slog.Logger

	writers  frozen[uint32, *writer]
	models   frozen[reflect.Type, *model]
	doubted  frozen[uint32, struct{}] // ids that no instance of the registry knew
	bound    frozen[boundKey, *binding]
	mu       sync.Mutex         // held while bound and models change
	flights  singleflight.Group // requests to the registry
	choosing chan struct{}      // filled while an undeclared type gets its subject
}

// New returns the codec that the settings ask for. It connects to the registry when
// it is started, or first needed.
func New(cfg config.Registry, log *slog.Logger) (*Codec, error) {
	r, err := Connect(cfg)
	if err != nil {
		return nil, err
	}
	return newCodec(r, cfg, log), nil
}

func newCodec(r *Registry, cfg config.Registry, log *slog.Logger) *Codec {
	c := &Codec{registry: r, format: avroFormat{}, register: cfg.AutoRegister, strategy: cmp.Or(cfg.SubjectStrategy, strategyAuto), log: log, choosing: make(chan struct{}, 1)}
	if cfg.SchemaFormat == "json" {
		c.format = jsonFormat{}
	}
	return c
}

// Schemas returns the schemas of the models that it was bound to, by topic and
// name.
func (c *Codec) Schemas() []Schema {
	var all []Schema
	for _, b := range c.on("") {
		all = append(all, Schema{b.topic, c.subject(b), b.model.about.FullName(), string(b.model.level), b.model.text})
	}
	return all
}

// Schema is a model's schema on a topic.
type Schema struct {
	Topic   string
	Subject string // the registry's name for its versions
	Name    string // with its namespace
	Level   string // what its versions must keep, such as BACKWARD
	Text    string // in JSON
}

// format is a kind of schema, with what it makes of Go types.
type format interface {
	kind() sr.SchemaType
	extension() string // of files that have such schemas
	// model returns the schema of a Go type, and how its values are written.
	model(t reflect.Type, s message.Schema) (text string, b body, err error)
	// parse reads a schema that a writer used.
	parse(text string, references []string) (written, error)
	// compare returns a *BreakError when bodies written by one schema cannot be
	// read by the other.
	compare(writer, reader string) error
}

// body writes bodies of one Go type.
type body interface {
	encode(dst []byte, v any) ([]byte, error)
}

// written is a schema that bodies were written with.
type written interface {
	name() (name, full string)
	// reader returns what reads its bodies into b's Go type, or into any type
	// that can hold them when b is nil.
	reader(b body) (reader, error)
}

// reader reads one body into what out points to.
type reader func(data []byte, out any) error

// model is a Go type with its schema.
type model struct {
	typ      reflect.Type
	about    message.Schema
	level    level // what it must keep to
	explicit bool  // the model says so itself
	text     string
	body     body
}

type boundKey struct {
	topic string
	model reflect.Type
}

// binding is a model on a topic. Its id is 0 until the registry has given one.
type binding struct {
	topic      string
	model      *model
	undeclared bool // neither registered nor in Publishes: known since its first message
	id         atomic.Uint32
	warned     atomic.Bool // that it is not registered
}

// Bind derives the model's schema. The registry is asked by Startup, or by the
// first message that is written.
func (c *Codec) Bind(topic string, t reflect.Type) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.bind(topic, t, false)
	return err
}

func (c *Codec) bind(topic string, t reflect.Type, undeclared bool) (*binding, error) {
	at := boundKey{topic, t}
	if b, ok := c.bound.get(at); ok {
		return b, nil
	}
	m, err := c.model(t)
	if err != nil {
		return nil, err
	}
	for _, other := range c.on(topic) {
		if c.strategy == strategyTopic {
			return nil, fmt.Errorf("topic %q has the types %s and %s, and with SCHEMA_REGISTRY_SUBJECT_STRATEGY=topic one subject for both: "+
				"set topic-record, in all programs that write to the topic", topic, other.model.about.FullName(), m.about.FullName())
		}
		if other.model.about.FullName() == m.about.FullName() {
			return nil, fmt.Errorf("the schemas of %s and %s are both called %s, and topic %q has both: give one another name with a method Schema()",
				other.model.typ, t, m.about.FullName(), topic)
		}
	}
	b := &binding{topic: topic, model: m, undeclared: undeclared}
	c.bound.set(at, b)
	return b, nil
}

func (c *Codec) model(t reflect.Type) (*model, error) {
	if m, ok := c.models.get(t); ok {
		return m, nil
	}
	m := &model{typ: t, about: message.SchemaOf(t)}
	var err error
	if m.level, err = parseLevel(cmp.Or(m.about.Compatibility, "BACKWARD")); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	m.explicit = m.about.Compatibility != ""
	if m.text, m.body, err = c.format.model(t, m.about); err != nil {
		return nil, err
	}
	c.models.set(t, m)
	return m, nil
}

// on returns what is bound to a topic, or to all, sorted by topic and name.
func (c *Codec) on(topic string) []*binding {
	var all []*binding
	for _, b := range c.bound.all() {
		if topic == "" || b.topic == topic {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b *binding) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), strings.Compare(a.model.about.FullName(), b.model.about.FullName()))
	})
	return all
}

// Open reads the value in the registry's wire format: a zero, the id of the
// schema that it was written with, and the body. The envelope's header comes
// from the transport's; what is not there is filled in, because other clients
// know no envelope.
func (c *Codec) Open(ctx context.Context, m *message.Message) (h message.Header, body []byte, err error) {
	w, body, err := c.open(ctx, m)
	if err != nil {
		_ = message.ReadHeader(m, &h) // as far as it goes: it says who sent what
		return h, nil, err
	}
	return h, body, readHeader(m, &h, w)
}

// Decode reads a body that Open returned.
func (c *Codec) Decode(ctx context.Context, m *message.Message, body []byte, out any) error {
	w, _, err := c.open(ctx, m)
	if err != nil {
		return err
	}
	read, err := c.reader(w, reflect.TypeOf(out))
	if err != nil {
		return err
	}
	return read(body, out)
}

// open returns the schema that m's value was written with, and the body.
func (c *Codec) open(ctx context.Context, m *message.Message) (*writer, []byte, error) {
	id, body, err := unframe(m.Value)
	if err != nil {
		return nil, nil, err
	}
	w, err := c.writer(ctx, id)
	return w, body, err
}

// Encode writes what Open reads. The body's schema must be known to the
// registry; while the registry cannot be reached the error is message.Unavailable.
func (c *Codec) Encode(ctx context.Context, m *message.Message, h message.Header, body any) error {
	t := reflect.TypeOf(body)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || reflect.ValueOf(body).Kind() == reflect.Pointer && reflect.ValueOf(body).IsNil() {
		return message.Fail(message.ClassInvalid, "encode %s: body: must not be null", h.MessageType)
	}
	b, err := c.bindingOf(m.Topic, t)
	if err != nil {
		return fmt.Errorf("encode %s: %w", h.MessageType, err)
	}
	id, err := c.schemaID(ctx, b)
	if err != nil {
		return fmt.Errorf("encode %s: %w", h.MessageType, unavailableIfFixable(err))
	}
	value, err := b.model.body.encode(frame(id), body)
	if err != nil {
		return message.Fail(message.ClassInvalid, "encode %s: body: %w", h.MessageType, err)
	}
	message.Describe(&h, body)
	if err := message.WriteHeader(m, h); err != nil {
		return err
	}
	m.Value = value
	return nil
}

// bindingOf returns the binding of a model that is written. An undeclared one is
// bound now.
func (c *Codec) bindingOf(topic string, t reflect.Type) (*binding, error) {
	if b, ok := c.bound.get(boundKey{topic, t}); ok {
		return b, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bind(topic, t, true)
}

// ask calls f, which sends requests to the registry, once for all callers that
// have the same question at the same time. f does not end with ctx, because other
// callers wait too and the answer is kept; the client has a timeout.
func (c *Codec) ask(ctx context.Context, question string, f func(context.Context) error) error {
	answer := c.flights.DoChan(question, func() (any, error) { return nil, f(context.WithoutCancel(ctx)) })
	select {
	case result := <-answer:
		return result.Err
	case <-ctx.Done():
		return message.Unavailable(fmt.Errorf("%s: waiting for the schema registry: %w", question, context.Cause(ctx)))
	}
}
