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

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// NewPublisher returns a publisher of events in the name of service. It does not connect yet.
func NewPublisher(cfg config.RabbitMQ, service string, registry *message.Registry, log *slog.Logger) *publisher.Publisher {
	p := publisher.New(newTransport(cfg, service, registry.PublishedTopics, log), service, registry, log)
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
	published func() []string
	log       *slog.Logger

	mu           sync.Mutex
	destinations map[[2]string]*destination // by exchange and queue

	begin func()        // connects, once
	queue chan *attempt // to whoever has the channel, or knows why there is none
	life  context.Context
	end   context.CancelFunc
	ended chan struct{}
}

func newTransport(cfg config.RabbitMQ, service string, published func() []string, log *slog.Logger) *transport {
	t := &transport{
		cfg: cfg, client: service + " publisher", health: ops.NewHealth(log, "publishing is interrupted, retrying", "publishing resumed"),
		keys: publisher.NewKeys(cfg.Publish), published: published, log: log, destinations: map[[2]string]*destination{},
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
		return t.attempt(ctx, &attempt{to: t.destination(o.Topic, exchange, key), key: key, publishing: out, answer: make(chan error, 1)})
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
	for {
		select {
		case t.queue <- a:
		case <-ctx.Done():
			return cmp.Or(t.health.Why(), ctx.Err())
		}
		select {
		case err := <-a.answer:
			if !errors.Is(err, errIsThere) {
				return err
			}
		case <-ctx.Done():
			return cmp.Or(t.health.Why(), fmt.Errorf("no answer from the broker: %w", ctx.Err()))
		}
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

// publish connects, and publishes until the connection ends. It returns why.
func (t *transport) publish() error {
	conn, err := Connect(t.life, t.cfg, t.client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(t.life)
	blocked, noted := conn.NotifyBlocked(make(chan amqp.Blocking, 1)), make(chan struct{})
	go func() {
		defer close(noted)
		for b := range blocked {
			t.noteBlocked(b)
		}
	}()
	defer func() {
		cancel()
		leave(conn)
		<-noted
	}()
	for isFirst, isNext := true, true; isNext; isFirst = false {
		c, err := open(conn)
		if err != nil {
			return err
		}
		if isFirst {
			t.health.Set(ops.Connection, nil)
			go t.watch(ctx, conn)
		}
		if isNext, err = t.publishOn(conn, c); err != nil {
			return err
		}
	}
	return nil
}

// noteBlocked notes that the broker takes nothing, or does again.
func (t *transport) noteBlocked(b amqp.Blocking) {
	var why error
	if b.Active {
		why = fmt.Errorf("RabbitMQ at %s takes no messages: %s", t.cfg.Address(), b.Reason)
	}
	t.health.Set(ops.Connection, why)
}

// publishOn publishes on c until that ends. It reports whether another channel is to take
// its place at once, because a message ended it, or why none can.
func (t *transport) publishOn(conn *amqp.Connection, c *confirmed) (isNext bool, err error) {
	for {
		select {
		case a := <-t.queue:
			if why := t.health.Why(); why != nil {
				a.answer <- why
			} else if a.to.mayTake() {
				c.publish(t.life, a)
			} else { // others do not wait for this
				go func() { a.answer <- a.to.ask(conn) }()
			}
		case why := <-c.ended:
			err := errors.New("the connection ended")
			if why != nil {
				err = fmt.Errorf("RabbitMQ at %s ended the channel: %w", t.cfg.Address(), why)
			}
			if c.fail(err) {
				return true, nil
			}
			return false, err
		case <-t.life.Done():
			return false, nil
		}
	}
}
