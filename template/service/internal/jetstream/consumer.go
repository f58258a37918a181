package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// Consumer takes messages from the registry's topics by durable consumers, which it shares
// with other instances of its group, and has them handled. It acknowledges a message only
// when it is done.
type Consumer struct {
	*engine.Engine // but for Run and Ready

	cfg      config.JetStream
	registry *message.Registry
	log      *slog.Logger
	health   *ops.Health
	js       jetstream.JetStream

	mu            sync.Mutex
	subscriptions []*subscription
	left          []string // durable consumers that ended with work left
	leftErr       error    // why what is done of them may not be acknowledged
}

// NewConsumer returns a consumer for the registry's topics. Messages that fail
// for good go to the dead letters by publisher. It connects when it runs.
func NewConsumer(cfg config.JetStream, registry *message.Registry, publisher *publisher.Publisher, log *slog.Logger) (*Consumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	registry.Group = cfg.GroupID
	c := &Consumer{cfg: cfg, registry: registry, log: log, health: ops.NewHealth(log.With("group", cfg.GroupID), "not consuming, retrying", "consuming again")}
	c.Engine = engine.New(engine.NewConfig(cfg.Engine), registry, &deadletter.Writer{Send: publisher.Send, Group: cfg.GroupID}, c.commit, log)
	return c, nil
}

// Name returns the consumer's group.
func (c *Consumer) Name() string { return c.cfg.GroupID }

// Ready returns why the consumer does not consume at present, nil when it does.
func (c *Consumer) Ready() error { return cmp.Or(c.health.Why(), c.Engine.Ready()) }

// EachLag calls f for each partition, whoever reads it, with how much of it is not done, as
// far as that was known some seconds ago. Where no order is wanted, a topic is one.
func (c *Consumer) EachLag(f func(topic string, partition int32, lag int64)) {
	for _, p := range c.all() {
		if n := p.lag.Load(); n >= 0 {
			f(p.layout.topic, p.partition, n)
		}
	}
}

func (c *Consumer) all() []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subscriptions
}

// Run consumes until ctx ends. Then it drains: what runs may finish, what is done is
// acknowledged, and Run returns nil. While NATS is unavailable it keeps trying. It returns
// an error when a stream is not what its topic needs, when the error policy stops the
// service, or when NATS does not confirm the last acknowledgements. A consumer runs once,
// and its registry is started before.
func (c *Consumer) Run(ctx context.Context) (err error) {
	log := c.log.With("group", c.cfg.GroupID)
	if c.js, err = connect(c.cfg, c.health, log); err != nil {
		return err
	}
	defer c.js.Conn().Close()
	return c.RunSource(ctx, log, "durables", func(ctx context.Context) (left []string, hasConsumed bool, err error) {
		err = c.keepConsuming(ctx)
		unavailable := c.health.Stop()
		if c.leftErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w; %w", strings.Join(c.left, ", "), c.leftErr, cmp.Or(unavailable, fmt.Errorf("NATS at %s", strings.Join(c.cfg.URLs, ", ")))))
		}
		return c.left, len(c.subscriptions) > 0, err
	})
}

// keepConsuming makes sure of the streams, and takes messages until ctx ends.
func (c *Consumer) keepConsuming(ctx context.Context) error {
	delays := backoff.Backoff()
	subscriptions, err := c.ensure(ctx)
	for err != nil && ctx.Err() == nil {
		if message.OutcomeOf(err) == message.OutcomePermanent {
			return err
		}
		c.health.Set("streams", err)
		delay, _ := delays.Next()
		sleep(ctx, delay)
		subscriptions, err = c.ensure(ctx)
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // to be stopped is no failure
	}
	c.mu.Lock()
	c.subscriptions = subscriptions
	c.mu.Unlock()
	c.health.Set("streams", nil)
	c.log.Info("consuming", "group", c.cfg.GroupID, "durables", len(subscriptions))
	var running sync.WaitGroup
	running.Go(func() { c.watch(ctx) })
	for _, p := range subscriptions {
		running.Go(func() { p.run(ctx) })
	}
	running.Wait()
	return nil
}

// ensure makes the streams that there are not yet, and returns who takes what there is in
// the topics that have handlers.
func (c *Consumer) ensure(ctx context.Context) (subscriptions []*subscription, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askTimeout)
	defer cancel()
	for _, topic := range c.registry.Topics() {
		stream, l, err := EnsureStream(ctx, c.js, c.cfg, topic, true)
		if err != nil {
			return nil, err
		}
		subscriptions = append(subscriptions, c.subscriptionsOf(stream, l)...)
		if c.cfg.ErrorPolicy == "dead-letter" {
			if _, _, err := EnsureStream(ctx, c.js, c.cfg, deadletter.Topic(topic), true); err != nil {
				return nil, err
			}
		}
	}
	for _, topic := range c.registry.PublishedTopics() {
		if _, _, err := EnsureStream(ctx, c.js, c.cfg, topic, true); err != nil {
			return nil, err
		}
	}
	return subscriptions, nil
}

// subscriptionsOf returns one subscription for each partition, or one for all if no order is wanted.
func (c *Consumer) subscriptionsOf(stream jetstream.Stream, l Layout) (all []*subscription) {
	durable := jetstream.ConsumerConfig{
		Durable: c.cfg.GroupID, AckPolicy: jetstream.AckExplicitPolicy, AckWait: c.cfg.AckWait,
		MaxDeliver: -1, MaxAckPending: -1, Replicas: 0,
	}
	if c.cfg.Deliver == "new" {
		durable.DeliverPolicy = jetstream.DeliverNewPolicy
	}
	subjects, isOrdered := l.subjects, c.cfg.Ordering != string(engine.OrderNone)
	if isOrdered {
		durable.MaxAckPending = 2*c.cfg.MaxPollRecords + maxFetch // what waits here, and acknowledgements under way
		durable.PriorityPolicy, durable.PriorityGroups, durable.PinnedTTL = jetstream.PriorityPolicyPinned, []string{group}, c.cfg.AckWait
	} else {
		subjects = []string{""} // all
	}
	for n, subject := range subjects {
		p := &subscription{consumer: c, layout: l, partition: int32(n), stream: stream, config: durable, isOrdered: isOrdered}
		if p.config.FilterSubject = subject; isOrdered {
			p.config.Durable += "-" + strconv.Itoa(n)
		}
		p.lag.Store(-1)
		all = append(all, p)
	}
	return all
}

// watchInterval is how often the server is asked how far the consumer is.
const watchInterval = 3 * time.Second

// watch asks the server how far the consumer is, until ctx ends, and yields a partition
// that another instance waits for if this one has more than its share.
func (c *Consumer) watch(ctx context.Context) {
	for sleep(ctx, watchInterval); ctx.Err() == nil; sleep(ctx, watchInterval) {
		var all []place
		for _, p := range c.subscriptions {
			asking, cancel := context.WithTimeout(ctx, askTimeout)
			info, err := p.stream.Consumer(asking, p.config.Durable)
			cancel()
			if err != nil {
				continue // who takes messages says what is wrong
			}
			now := info.CachedInfo()
			p.lag.Store(int64(now.NumPending) + int64(now.NumAckPending))
			if served(now) != "" {
				all = append(all, place{p, p.assignment.Load() != nil, now.NumWaiting - 1})
			}
		}
		if p := surplus(c.registry.Topics(), all); p != nil {
			p.yield.Store(true)
		}
	}
}

// place is a partition that the server serves to one instance. Where no messages are, there
// is none.
type place struct {
	*subscription

	isMine bool
	others int // instances that wait for it, if it is this one's
}

// surplus returns a partition of a topic of which this instance has more than its share, or
// one of all if it has more than its share of all; nil if it has neither.
func surplus(topics []string, places []place) *subscription {
	for _, topic := range append(topics, "") { // "" is all
		var mine []*subscription
		served, others := 0, 0
		for _, p := range places {
			if topic != "" && topic != p.layout.topic {
				continue
			}
			if served++; p.isMine {
				mine, others = append(mine, p.subscription), max(others, p.others)
			}
		}
		if len(mine) > (served+others)/(others+1) {
			return mine[0]
		}
	}
	return nil
}

// noteUndrained notes that a lane ended with work left, and why if that is the server's fault.
func (c *Consumer) noteUndrained(durable string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, durable)
	if errors.Is(err, errUnconfirmed) {
		c.leftErr = err
	}
	c.log.Warn("partition given back with work left", "durable", durable, "error", err)
}

// commit has the server confirm what the lanes acknowledged.
func (c *Consumer) commit(ctx context.Context) error {
	var errs []error
	for _, p := range c.all() {
		if l := p.assignment.Load(); l != nil {
			if err := l.Commit(ctx); !errors.Is(err, errLost) { // a lane that ends has committed, or cannot
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
