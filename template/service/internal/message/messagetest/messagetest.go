// Package messagetest helps to test handlers without a broker:
//
//	r := messagetest.NewRegistry()
//	handlers.Register(r, handlers.Deps{Log: slog.New(slog.DiscardHandler), Publisher: new(messagetest.Publisher)})
//	err := messagetest.Handle(t, r, "payments", `{"id": "p-1"}`)
package messagetest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// NewRegistry returns a registry with the default JSON codec and the rules of
// models, whatever codec the service has.
func NewRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}

// Option changes the message of Handle, in whose Header is what its envelope says.
type Option func(m *message.Message)

// Type sets the message type, for topics that have several.
func Type(messageType string) Option {
	return func(m *message.Message) { m.Header.MessageType = messageType }
}

// ID sets the message's id: one that comes again has the same.
func ID(id string) Option { return func(m *message.Message) { m.Header.MessageID = id } }

// Key sets the message's key.
func Key(key string) Option { return func(m *message.Message) { m.Key = []byte(key) } }

// Handle passes a JSON body in an envelope through r as if it came from the
// topic: it is decoded, checked by its rules and handled. It returns what
// becomes of the message: message.OutcomeOf and ClassOf say more of an error.
func Handle(t testing.TB, r *message.Registry, topic, body string, opts ...Option) error {
	t.Helper()
	m := &message.Message{Topic: topic, Attempt: 1, Header: message.NewHeader("", "messagetest")}
	m.Header.CorrelationID = m.Header.MessageID // an option may take it away
	for _, opt := range opts {
		opt(m)
	}
	h, types := &m.Header, r.Types(topic)
	if h.MessageType == "" && len(types) > 1 {
		t.Fatalf("messagetest: topic %q has handlers for %s: say which with messagetest.Type", topic, strings.Join(types, ", "))
	}
	h.MessageType = cmp.Or(h.MessageType, append(types, "Message")[0]) // a handler of all types takes any
	h.SchemaName = cmp.Or(h.SchemaName, h.MessageType)
	header, err := json.Marshal(h)
	if err != nil {
		t.Fatalf("messagetest: header: %v", err)
	}
	m.Value = slices.Concat([]byte(`{"header":`), header, []byte(`,"body":`), []byte(body), []byte(`}`))
	return r.Handle(t.Context(), m)
}

// Publisher is a message.Publisher that keeps what is published. Like the
// service's it refuses an event that breaks the rules of its model. Its zero
// value is ready, and it may be used by several goroutines at once.
type Publisher struct {
	Err error // returned for each event in the place of publishing it

	mu       sync.Mutex
	messages []*message.Message
}

// Events returns what was published, in order.
func (p *Publisher) Events() (all []message.Event) {
	for _, m := range p.Messages() {
		all = append(all, m.Decoded.(message.Event))
	}
	return all
}

// Messages returns what was published, in order, as messages with their headers.
func (p *Publisher) Messages() []*message.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// Publish implements message.Publisher.
func (p *Publisher) Publish(ctx context.Context, e message.Event) error {
	_, err := p.publish(ctx, e)
	return err
}

// PublishAsync calls delivered before it returns.
func (p *Publisher) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	d, err := p.publish(ctx, e)
	if delivered != nil {
		delivered(d, err)
	}
}

// Flush has nothing to wait for.
func (p *Publisher) Flush(context.Context) error { return nil }

func (p *Publisher) publish(ctx context.Context, e message.Event) (message.Delivery, error) {
	m, err := NewRegistry().Encode(ctx, e, "messagetest")
	m, err = cmp.Or(m, new(message.Message)), cmp.Or(err, p.Err)
	d := message.Delivery{Topic: m.Topic, Key: string(m.Key), MessageID: m.Header.MessageID, Partition: -1, Offset: -1}
	if err != nil {
		return d, &message.PublishError{Event: e, Delivery: d, Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d.Partition, d.Offset = 0, int64(len(p.messages))
	p.messages = append(p.messages, m)
	return d, nil
}
