package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// NewPublisher returns a publisher of events in the name of service. It does not connect yet.
func NewPublisher(cfg config.RabbitMQ, service string, registry *message.Registry, log *slog.Logger) *publisher.Publisher {
	p := publisher.New(newTransport(cfg, service, log), service, registry, log)
	p.Timeout, p.HandlerTimeout, p.Overhead = cfg.PublishTimeout, cfg.HandlerTimeout, 1024
	return p
}

// transport publishes: each message is durable, and confirmed by the majority of its queue.
// One whose confirmation was lost is written again, so it may be there twice.
type transport struct {
	cfg       config.RabbitMQ
	client    string // the connection's name
	health    *ops.Health
	keys      *publisher.Keys
	consumers []*Consumer // the service's

	begin func()        // connects, once
	queue chan *attempt // to whoever has the channel, or knows why there is none
	life  context.Context
	end   context.CancelFunc
	ended chan struct{}
}

func newTransport(cfg config.RabbitMQ, service string, log *slog.Logger) *transport {
	t := &transport{
		cfg: cfg, client: service + " publisher", health: ops.NewHealth(log, "publishing is interrupted, retrying", "publishing resumed"),
		keys:  publisher.NewKeys(cfg.Publish),
		queue: make(chan *attempt), ended: make(chan struct{}),
	}
	t.life, t.end = context.WithCancel(context.Background())
	t.begin = sync.OnceFunc(func() { go t.run() })
	return t
}

// Send implements publisher.Transport.
func (t *transport) Send(o publisher.Outgoing) {
	out, err := Publishing(o.Message)
	if err != nil {
		o.Done(err)
		return
	}
	exchange, key := t.route(o.Message)
	t.begin()
	t.keys.Send(o, func(ctx context.Context) error {
		o.Partition, o.Offset = -1, -1 // AMQP does not tell
		return t.attempt(ctx, &attempt{topic: o.Topic, exchange: exchange, key: key, publishing: out, answer: make(chan error, 1)})
	})
}

// route returns the exchange and the routing key of m. A dead letter lies where the queues
// are of the consumer that wrote it.
func (t *transport) route(m *message.Message) (exchange, key string) {
	if group, ok := m.Get(deadletter.Prefix + "group"); ok && strings.HasSuffix(m.Topic, deadletter.Suffix) {
		for _, c := range t.consumers {
			if c.cfg.GroupID == string(group) {
				return route(c.cfg, m)
			}
		}
	}
	return route(t.cfg, m)
}

// attempt has a published, and returns what the broker says of it. Nobody publishes what
// was not taken when ctx ended.
func (t *transport) attempt(ctx context.Context, a *attempt) error {
	select {
	case t.queue <- a:
	case <-ctx.Done():
		return cmp.Or(t.health.Why(), ctx.Err())
	}
	select {
	case err := <-a.answer:
		return err
	case <-ctx.Done():
		return cmp.Or(t.health.Why(), fmt.Errorf("no answer from the broker: %w", ctx.Err()))
	}
}

// WithOutcome implements publisher.Transport. A handler that returns err as it is has its
// message again, and without counting an attempt while the broker is away.
func (t *transport) WithOutcome(err error) error {
	if _, ok := errors.AsType[*message.Error](err); ok {
		return err
	}
	if why := t.health.Why(); why != nil && !errors.Is(err, publisher.ErrClosed) {
		return message.Unavailable(fmt.Errorf("%w: %w", err, why))
	}
	return message.Retry(err)
}

// Close implements publisher.Transport.
func (t *transport) Close() {
	t.keys.Abandon()
	t.end()
	t.begin() // if it had not begun, it ends at once
	select {
	case <-t.ended:
	case <-time.After(closingTimeout):
	}
}

// run publishes on one channel after another, until t ends.
func (t *transport) run() {
	defer close(t.ended)
	again(t.life, t.refuse, func() (over bool) {
		if err := t.publish(); t.life.Err() == nil {
			t.health.Set(ops.Connection, err)
		}
		return false
	})
}

// refuse fails for d what is to be published, as there is no channel.
func (t *transport) refuse(ctx context.Context, d time.Duration) {
	for over := time.After(d); ; {
		select {
		case a := <-t.queue:
			a.answer <- t.health.Why()
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// publish connects, and publishes until the connection or its channel ends. It returns why.
func (t *transport) publish() error {
	conn, err := Connect(t.life, t.cfg, t.client)
	if err != nil {
		return err
	}
	defer leave(conn)
	c, err := t.open(conn)
	if err != nil {
		return err
	}
	t.health.Set(ops.Connection, nil)
	for {
		select {
		case a := <-t.queue:
			if why := t.health.Why(); why != nil {
				a.answer <- why
			} else {
				c.publish(t.life, a)
			}
		case why := <-c.ended:
			err := errors.New("the connection ended")
			if why != nil {
				err = fmt.Errorf("RabbitMQ at %s ended the channel: %w", t.cfg.Address(), why)
			}
			c.fail(err)
			return err
		case <-t.life.Done():
			return nil
		}
	}
}
