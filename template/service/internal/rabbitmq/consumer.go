package rabbitmq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// Consumer takes messages from the queues of the registry's topics and has them handled.
// It acknowledges a message only when it is done.
type Consumer struct {
	*engine.Engine // but for Run and Ready

	cfg           config.RabbitMQ
	log           *slog.Logger
	topics        []string
	subscriptions []*subscription
	events        *transport // what the service publishes goes by it, dead letters too
	health        *ops.Health
	ended         bool // a connection, by the broker's own error
	fail          context.CancelCauseFunc
}

// NewConsumer returns a consumer for the registry's topics. Messages that fail for good
// go to the dead letters by p. It connects when it runs.
func NewConsumer(cfg config.RabbitMQ, registry *message.Registry, p *publisher.Publisher, log *slog.Logger) (*Consumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	log = log.With("consumer", cfg.GroupID)
	registry.Group = cfg.GroupID
	c := &Consumer{cfg: cfg, topics: registry.Topics(), log: log, health: ops.NewHealth(log, "not consuming, retrying", "consuming again")}
	t := p.Transport.(*transport) //nolint:forcetypeassert // of NewPublisher
	for _, topic := range c.topics {
		for _, other := range t.consumers {
			if other.cfg.QueuePrefix == cfg.QueuePrefix && slices.Contains(other.topics, topic) {
				return nil, fmt.Errorf("topic %q is consumed by %s already, and a queue gives each message to one: give both handlers to one consumer, or a consumer a RABBITMQ_QUEUE_PREFIX of its own", topic, other.Name())
			}
		}
		for partition := range cfg.Partitions {
			l := &subscription{consumer: c, topic: topic, partition: partition, queue: queueName(cfg, topic, partition)}
			if cfg.Ordering != "none" && cfg.Partitions > 1 { // chance spreads the queues over the instances, since RabbitMQ 4.0
				l.priority = amqp.Table{"x-priority": rand.Int32N(1000)} //nolint:gosec // no secret
			}
			c.subscriptions = append(c.subscriptions, l)
		}
	}
	if cfg.URL != t.cfg.URL {
		return nil, errors.New("RABBITMQ_URL is another than the service's, which publishes the dead letters: let a service of its own consume there")
	}
	t.consumers, c.events = append(t.consumers, c), t
	c.Engine = engine.New(engine.NewConfig(cfg.Engine), registry, &deadletter.Writer{Send: p.Send, Group: cfg.GroupID}, c.commit, log)
	return c, nil
}

// Name returns the consumer's name: the service's, and its own behind it.
func (c *Consumer) Name() string { return c.cfg.GroupID }

// Ready returns why the consumer does not consume at present, or something cannot be
// published, nil when all is well.
func (c *Consumer) Ready() error { return cmp.Or(c.health.Why(), c.events.why(), c.Engine.Ready()) }

// EachLag calls f for each queue, with how much of it was not done some seconds ago, but
// for what other instances had been given, and but for queues of which they have all: a
// queue's only active consumer is one to which it gives what waits.
func (c *Consumer) EachLag(f func(topic string, partition int32, lag int64)) {
	for _, l := range c.subscriptions {
		claim, waiting := l.claim.Load(), l.waiting.Load()
		if claim == nil {
			continue
		}
		if given, ended := claim.count(); waiting == 0 || given > 0 {
			f(l.topic, int32(l.partition), waiting+given-ended)
		}
	}
}

// Run consumes until ctx ends. Then it drains: what runs may finish, what is done is
// acknowledged, and Run returns nil. While RabbitMQ is unavailable it keeps trying. It
// returns an error when a queue cannot be had as it must be, when the error policy stops
// the service, or when RabbitMQ does not confirm the last acknowledgements. A consumer runs
// once, and its registry is started before.
func (c *Consumer) Run(ctx context.Context) error {
	return c.RunSource(ctx, c.log, "queues", c.keepConsuming)
}

// keepConsuming consumes on one connection after another, until ctx ends. It returns which
// queues had work left then, and whether any was ever consumed. What only a person can correct
// is an error.
func (c *Consumer) keepConsuming(ctx context.Context) (left []string, hasConsumed bool, err error) {
	c.events.check()
	life := ctx
	ctx, c.fail = context.WithCancelCause(life)
	defer c.fail(nil)
	again(ctx, c.health, ops.Connection, sleep, func() error { return c.consume(ctx) })
	_ = c.health.Stop() // was told
	if why := context.Cause(ctx); !errors.Is(why, context.Cause(life)) && message.OutcomeOf(why) == message.OutcomePermanent {
		err = why // and not what ended the service, which is told
	}
	for _, l := range c.subscriptions {
		if l.left != nil {
			left = append(left, l.queue)
		}
		if errors.Is(l.left, errUnconfirmed) {
			err = errors.Join(err, fmt.Errorf("queue %s: %w; RabbitMQ at %s", l.queue, l.left, c.cfg.Address()))
		}
	}
	return left, hasAnyConsumed(c.subscriptions), err
}

// consume connects, and consumes all queues until the connection or ctx ends.
func (c *Consumer) consume(ctx context.Context) error {
	conn, err := Connect(ctx, c.cfg, c.cfg.GroupID)
	if err != nil {
		return err
	}
	defer Disconnect(conn)
	for _, topic := range c.topics {
		if err := Within(ctx, func() error { return checkPartitions(conn, c.cfg, topic) }); err != nil {
			c.refuse(err, c.subscriptions...)
			return err
		}
	}
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	connected, end := context.WithCancelCause(ctx)
	go func() { end(c.explainEnd(<-closed)) }()
	var all sync.WaitGroup
	for _, l := range c.subscriptions {
		c.health.Set(l.queue, ops.ErrConnecting)
		all.Go(func() {
			again(connected, c.health, l.queue, sleep, func() error {
				err := l.consume(ctx, conn)
				c.refuse(err, l)
				if conn.IsClosed() { // which is told once, with its reason
					return ops.ErrConnecting
				}
				return err
			})
		})
	}
	c.health.Set(ops.Connection, nil)
	all.Wait()
	return context.Cause(connected)
}

// explainEnd explains why a connection ended. Of two instances that make a queue at the same
// time the broker may end one's, once, with an error of its own.
func (c *Consumer) explainEnd(why *amqp.Error) error {
	if isFirst := !c.ended; isFirst && why != nil && why.Code == amqp.InternalError {
		c.ended = true
		return ops.ErrConnecting
	}
	return endOf(c.cfg, why)
}

// refuse ends the consumer for what only a person can correct, unless one of the queues has
// consumed before: then it waits for that.
func (c *Consumer) refuse(err error, subscriptions ...*subscription) {
	if message.OutcomeOf(err) == message.OutcomePermanent && !hasAnyConsumed(subscriptions) {
		c.fail(err)
	}
}

func hasAnyConsumed(subscriptions []*subscription) bool {
	return slices.ContainsFunc(subscriptions, func(l *subscription) bool { return l.consumed.Load() })
}

// commit makes sure that what is done is acknowledged on all channels that there are.
func (c *Consumer) commit(ctx context.Context) error {
	var errs []error
	for _, l := range c.subscriptions {
		if claim := l.claim.Load(); claim != nil {
			if err := claim.Commit(ctx); message.OutcomeOf(err) != message.OutcomePermanent { // else its messages come again
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// prefetch is how many messages of a queue the broker delivers before one is done.
func prefetch(cfg config.RabbitMQ) int { return min(cfg.MaxPollRecords, math.MaxUint16) }

const (
	maxBatch    = 256             // messages that the engine gets at once
	lagInterval = 5 * time.Second // between two questions for what waits in a queue
)

// subscription consumes one queue, on one channel after another.
type subscription struct {
	consumer  *Consumer
	topic     string
	partition int
	queue     string
	priority  amqp.Table // among the queue's consumers
	waiting   atomic.Int64
	consumed  atomic.Bool           // it took messages once
	claim     atomic.Pointer[claim] // nil between channels
	left      error                 // why it ended with work left
}

// consume consumes the queue until its channel or ctx ends.
func (l *subscription) consume(ctx context.Context, conn *amqp.Connection) error {
	var ch *amqp.Channel
	var deliveries <-chan amqp.Delivery
	if err := Within(ctx, func() (err error) { ch, deliveries, err = l.subscribe(conn); return err }); err != nil {
		return err
	}
	return l.serve(ctx, ch, deliveries)
}

// serve has handled what is delivered until the channel or ctx ends. In the first case
// the lane is lost, in the second it is drained.
func (l *subscription) serve(ctx context.Context, ch channel, deliveries <-chan amqp.Delivery) error {
	c, claim, ended := l.consumer, newClaim(ch, prefetch(l.consumer.cfg)), make(chan error, 1)
	assigned, gone := c.Assign(claim), ch.NotifyClose(make(chan *amqp.Error, 1))
	go func() {
		why := claim.run(gone)
		assigned.Lose()
		if why == nil {
			ended <- errors.New("the broker ended the consumer of queue " + l.queue)
		} else {
			ended <- why
		}
	}()
	l.claim.Store(claim)
	defer l.claim.Store(nil)
	c.health.Set(l.queue, nil)
	if !l.consumed.Swap(true) {
		c.log.Info("consuming", "queue", l.queue, "broker", c.cfg.Address())
	}
	ask := time.NewTicker(lagInterval)
	defer ask.Stop()
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				_ = ch.Close() // the broker may have ended the consumer alone, as when the queue was deleted
				return <-ended
			}
			assigned.Deliver(l.take(claim, d, deliveries))
		case <-ask.C:
			_ = Within(ctx, func() error { return l.ask(claim) })
		case <-ctx.Done():
			l.drain(context.WithoutCancel(ctx), claim, assigned)
			return nil
		}
	}
}

// drain lets what runs finish, and makes sure that it is acknowledged. The channel stays
// open meanwhile: with it the queue goes to another instance.
func (l *subscription) drain(ctx context.Context, claim *claim, assigned *engine.Lane) {
	err := assigned.Drain(ctx)
	if _, ended := claim.count(); ended > 0 && !errors.Is(err, errUnconfirmed) {
		ctx, cancel := context.WithTimeout(ctx, closingTimeout)
		defer cancel()
		if notSettled := Within(ctx, func() error { return claim.settle(l.queue) }); notSettled != nil {
			err = errors.Join(err, fmt.Errorf("what was acknowledged last may be delivered again: %w: %w", errUnconfirmed, notSettled))
		}
	}
	if l.left = err; err != nil {
		l.consumer.log.Warn("queue given back with work left", "queue", l.queue, "error", err)
	}
}

// subscribe opens a channel, makes sure of the queue and has it delivered.
func (l *subscription) subscribe(conn *amqp.Connection) (*amqp.Channel, <-chan amqp.Delivery, error) {
	cfg := l.consumer.cfg
	ch, err := conn.Channel()
	if err != nil {
		return nil, nil, err
	}
	if err := DeclareTopic(ch, cfg, l.topic, l.partition); err != nil {
		_ = ch.Close()
		return nil, nil, err
	}
	if err := ch.Qos(prefetch(cfg), 0, false); err != nil {
		return nil, nil, refused(address{key: l.queue}, err)
	}
	deliveries, err := ch.Consume(l.queue, "", false, false, false, false, l.priority)
	if err != nil {
		return nil, nil, refused(address{key: l.queue}, err)
	}
	return ch, deliveries, nil
}

// take returns first and what else is there as the engine gets it.
func (l *subscription) take(c *claim, first amqp.Delivery, more <-chan amqp.Delivery) []message.Message {
	var batch []message.Message
	for d, ok := first, true; ok; {
		m := Received(&d, l.consumer.cfg.QueuePrefix+l.topic)
		m.Topic, m.Partition, m.Offset = l.topic, int32(l.partition), int64(d.DeliveryTag)
		if offset, isGiven := d.Headers[OffsetHeader].(int64); isGiven {
			m.Offset = offset
		}
		m.Offset = c.note(m.Offset, d.DeliveryTag)
		if batch = append(batch, m); len(batch) == maxBatch {
			break
		}
		runtime.Gosched() // the client's goroutine has the next only after it was run again
		select {
		case d, ok = <-more:
		default:
			ok = false
		}
	}
	return batch
}

// ask notes how many messages wait in the queue.
func (l *subscription) ask(c *claim) error {
	c.asking.Lock()
	defer c.asking.Unlock()
	q, err := c.channel.QueueDeclarePassive(l.queue, true, false, false, false, nil)
	if err == nil {
		l.waiting.Store(int64(q.Messages))
	}
	return err
}
