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

// maxFree is how many channels are kept for the next messages.
const maxFree = 100

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
	destinations map[string]*destination // by the name of their exchange, or of their queue

	begin     func()                // connects, once
	connected chan *amqp.Connection // to whoever publishes, nil while there is none
	lines     chan *line            // that are free
	life      context.Context
	end       context.CancelFunc
	ended     chan struct{}
}

// NewPublisher returns a publisher of events in the name of service. It does not connect yet.
func NewPublisher(cfg config.RabbitMQ, service string, registry *message.Registry, log *slog.Logger) *publisher.Publisher {
	t := &transport{
		cfg: cfg, client: service + " publisher", health: ops.NewHealth(log, "publishing is interrupted, retrying", "publishing resumed"),
		keys: publisher.NewKeys(cfg.Publish), published: registry.PublishedTopics, log: log, destinations: map[string]*destination{},
		connected: make(chan *amqp.Connection), lines: make(chan *line, maxFree), ended: make(chan struct{}),
	}
	t.life, t.end = context.WithCancel(context.Background())
	t.begin = sync.OnceFunc(func() { go t.run() })
	p := publisher.New(t, service, registry, log)
	p.Timeout, p.HandlerTimeout, p.Overhead = cfg.PublishTimeout, cfg.HandlerTimeout, 1024
	return p
}

// Send implements publisher.Transport.
func (t *transport) Send(o publisher.Outgoing) {
	out, err := Publishing(o.Message)
	if err != nil {
		o.Done(err)
		return
	}
	to := t.route(o.Message)
	t.begin()
	t.keys.Send(o, func(ctx context.Context) error {
		o.Partition, o.Offset = -1, -1 // AMQP does not tell
		err := t.attempt(ctx, to, out)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = cmp.Or(t.health.Why(), err) // which says why
		}
		return err
	})
}

// route returns where m goes. A dead letter lies where the queues are of the consumer that
// wrote it.
func (t *transport) route(m *message.Message) address {
	if group, ok := m.Get(deadletter.Prefix + "group"); ok && strings.HasSuffix(m.Topic, deadletter.Suffix) {
		for _, c := range t.consumers {
			if c.cfg.GroupID == string(group) {
				return route(c.cfg, m)
			}
		}
	}
	return route(t.cfg, m)
}

// attempt publishes m, and returns what the broker says of it, or why it cannot be asked.
func (t *transport) attempt(ctx context.Context, to address, m amqp.Publishing) error {
	var conn *amqp.Connection
	select {
	case conn = <-t.connected:
	case <-ctx.Done():
		return ctx.Err()
	}
	d := t.destination(to)
	if why := cmp.Or(t.health.Why(), d.missed()); conn == nil || why != nil {
		return cmp.Or(why, error(amqp.ErrClosed))
	}
	if err := d.room.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("others wait for the broker's answer: %w", err)
	}
	defer d.room.Release(1)
	l := new(line)
	select {
	case l = <-t.lines:
	default:
	}
	err := l.send(ctx, conn, to, m)
	t.keep(l)
	if why, isKnown := errors.AsType[untaken](err); isKnown && !errors.Is(err, context.Canceled) || err == nil {
		t.destination(to).note(err, why.isThere) // d may be forgotten by now
	}
	return err
}

// keep keeps a line for the next message, or closes it when there are enough.
func (t *transport) keep(l *line) {
	select {
	case t.lines <- l:
	default:
		l.abandon()
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
	case <-time.After(closingTimeout): // unless the client hangs
	}
}

// run keeps a connection for those who publish, until t ends.
func (t *transport) run() {
	defer close(t.ended)
	again(t.life, t.health, ops.Connection, t.refuse, t.publish)
}

// refuse has it told for d that there is no connection.
func (t *transport) refuse(ctx context.Context, d time.Duration) {
	for over := time.After(d); ; {
		select {
		case t.connected <- nil:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// publish connects, and has messages published until the connection ends. It returns why.
func (t *transport) publish() error {
	conn, err := Connect(t.life, t.cfg, t.client)
	if err != nil {
		return err
	}
	defer Disconnect(conn)
	ctx, cancel := context.WithCancel(t.life)
	defer cancel()
	blocked, closed := conn.NotifyBlocked(make(chan amqp.Blocking, 9)), conn.NotifyClose(make(chan *amqp.Error, 1))
	t.health.Set(ops.Connection, nil)
	go t.watch(ctx, conn)
	for {
		select {
		case t.connected <- conn:
		case b, isOpen := <-blocked:
			if isOpen {
				t.noteBlocked(b)
			}
		case why := <-closed:
			return endOf(t.cfg, why)
		case <-t.life.Done():
			return nil
		}
	}
}

// noteBlocked notes that the broker takes nothing, or does again.
func (t *transport) noteBlocked(b amqp.Blocking) {
	var why error
	if b.Active {
		why = fmt.Errorf("RabbitMQ at %s takes no messages: %s", t.cfg.Address(), b.Reason)
	}
	t.health.Set(ops.Connection, why)
}
