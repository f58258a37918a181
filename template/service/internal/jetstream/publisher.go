package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// NewPublisher returns a publisher of events in the name of service. It does not connect yet.
func NewPublisher(cfg config.JetStream, service string, registry *message.Registry, log *slog.Logger) *publisher.Publisher {
	from := log.With("publisher", service)
	p := publisher.New(&transport{
		cfg: cfg, registry: registry, log: from, health: ops.NewHealth(from, "publishing is interrupted, retrying", "publishing resumed"),
		keys: publisher.NewKeys(cfg.Publish), layouts: map[string]Layout{},
	}, service, registry, log)
	p.Timeout, p.HandlerTimeout, p.Overhead = cfg.PublishTimeout, cfg.HandlerTimeout, 2048
	return p
}

// transport publishes: each message is on as many servers as its stream says when it is
// acknowledged.
//
// Messages of one key are written in the order in which they were accepted, also when one
// is retried for minutes: later ones wait behind it. A retry writes nothing twice, as the
// stream knows the ids of its messages for as long.
type transport struct {
	cfg      config.JetStream
	registry *message.Registry
	log      *slog.Logger
	health   *ops.Health
	keys     *publisher.Keys
	turn     atomic.Uint32 // of messages without a key

	mu      sync.Mutex
	js      jetstream.JetStream // nil before it is needed
	layouts map[string]Layout   // by topic, of those that were asked for
}

// Send implements publisher.Transport.
func (t *transport) Send(o publisher.Outgoing) {
	id, turn := cmp.Or(idOf(o.Message), uuid.NewString()), t.turn.Add(1) // the server knows it by its id
	t.keys.Send(o, func(ctx context.Context) error { return t.attempt(ctx, o.Message, id, turn) })
}

// WithOutcome implements publisher.Transport.
func (t *transport) WithOutcome(err error) error {
	if errors.Is(err, publisher.ErrClosed) {
		return message.Retry(err)
	}
	return err
}

// Close implements publisher.Transport.
func (t *transport) Close() {
	t.keys.Abandon()
	_ = t.health.Stop() // what is not published was told
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.js != nil {
		t.js.Conn().Close()
	}
}

// attempt publishes m once, and notes in it where it landed.
func (t *transport) attempt(ctx context.Context, m *message.Message, id string, turn uint32) error {
	js, err := t.open()
	if err != nil {
		return err
	}
	l, err := t.layoutOf(ctx, js, m.Topic)
	if err != nil {
		return err
	}
	partition := l.partitionOf(m.Key, turn)
	out := wire(l.subjects[partition], m, id)
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := js.PublishMsg(asking, out, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(StreamName(m.Topic)))
	switch {
	case err == nil:
		m.Partition, m.Offset = partition, int64(got.Sequence)
		return nil
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		t.mu.Lock()
		delete(t.layouts, m.Topic) // it may have been made anew
		t.mu.Unlock()
	}
	if refused := tooLarge(out, err); refused != nil {
		return refused
	}
	return cmp.Or(t.health.Why(), err) // which says more
}

// tooLarge returns an error that is permanent if a message was refused for its size, or else nil.
func tooLarge(m *nats.Msg, err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload), isCode(err, 10054):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
	case isCode(err, 10097):
		return message.Permanent(fmt.Errorf("%w: its headers have %d bytes: a stream takes 64 KiB: %w", message.ErrTooLarge, sizeOf(m.Header), err))
	}
	return nil
}

// open returns the connection, which it makes when it is first needed.
func (t *transport) open() (_ jetstream.JetStream, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.js == nil {
		t.js, err = connect(t.cfg, t.health, t.log)
	}
	return t.js, err
}

// layoutOf returns how a topic lies in its stream. That of dead letters, and of an event
// that was declared, is made if there is none.
func (t *transport) layoutOf(ctx context.Context, js jetstream.JetStream, topic string) (Layout, error) {
	t.mu.Lock()
	l, ok := t.layouts[topic]
	t.mu.Unlock()
	if ok {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	isDeclared := slices.Contains(t.registry.PublishedTopics(), topic)
	_, l, err := EnsureStream(ctx, js, t.cfg, topic, isDeclared || strings.HasSuffix(topic, deadletter.Suffix))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l, message.Retry(fmt.Errorf("topic %q does not exist: create its stream, or correct its name; with b.Publishes(the event) the start creates it: %w", topic, err))
	}
	if err != nil {
		return l, cmp.Or(t.health.Why(), err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.layouts[topic] = l
	return l, nil
}
