package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// ShareConsumer takes messages from the registry's topics as a member of a share group,
// and has them handled. It accepts each when it is done, whatever became of those before
// it, and keeps its lock until then.
type ShareConsumer struct {
	*engine.Engine // but for Run and Ready

	cfg      config.Kafka
	registry *message.Registry
	topics   *topics
	log      *slog.Logger
	health   *health

	joined  atomic.Bool                        // there was a session
	session atomic.Pointer[shareSession]       // the present one, nil between sessions
	lags    atomic.Pointer[[]kadm.ShareOffset] // as they were seen last
	limit   atomic.Int32                       // how often a message is delivered before the group gives it up
}

// NewShareConsumer returns a consumer for the registry's topics. Messages that fail for
// good go to the dead letters by publisher. It connects when it runs.
func NewShareConsumer(cfg config.Kafka, registry *message.Registry, publisher *publisher.Publisher, log *slog.Logger) (*ShareConsumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	registry.Group = cfg.GroupID
	c := &ShareConsumer{cfg: cfg, registry: registry, log: log, health: newHealth(log.With("group", cfg.GroupID))}
	c.topics = &topics{subscribed: registry.Topics(), published: registry.PublishedTopics(), deadLetters: cfg.ErrorPolicy == "dead-letter"}
	c.Engine = engine.New(engine.NewConfig(cfg.Engine), message.HandlerFunc(c.handle), &deadletter.Writer{Send: publisher.Send, Group: cfg.GroupID}, c.commit, log)
	return c, nil
}

// Name returns the consumer's group.
func (c *ShareConsumer) Name() string { return c.cfg.GroupID }

// Ready returns why the consumer does not consume at present, nil when it does.
func (c *ShareConsumer) Ready() error { return cmp.Or(c.health.why(), c.Engine.Ready()) }

// handle has a message handled, unless that is its last delivery. If it ended this process,
// as it has ended others perhaps, the group would drop it: it becomes a dead letter first.
func (c *ShareConsumer) handle(ctx context.Context, m *message.Message) error {
	if s := c.session.Load(); s != nil && c.topics.deadLetters {
		if n := s.deliveries(m); n >= c.limit.Load() {
			return message.Permanent(fmt.Errorf("delivered %d times and never done, the group gives it up after this one: no handler ran", n))
		}
	}
	return c.registry.Handle(ctx, m)
}

// EachLag calls f for each partition of the topics, with how much of it the group has not
// done, as far as that was known some seconds ago. All members of the group say the same.
func (c *ShareConsumer) EachLag(f func(topic string, partition int32, lag int64)) {
	if lags := c.lags.Load(); lags != nil {
		for _, l := range *lags {
			f(l.Topic, l.Partition, l.Lag)
		}
	}
}

// commit waits until the broker has said what became of all that was acknowledged.
func (c *ShareConsumer) commit(ctx context.Context) error {
	s := c.session.Load()
	if s == nil { // lanes have committed when they ended: this one is skipped, and did not fail
		return fmt.Errorf("not a member of the group at present: %w", context.Canceled)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ReadTimeout)
	defer cancel()
	return s.commit(ctx, nil)
}

// Run consumes until ctx ends. Then it drains: what runs may finish, what is done is
// accepted, the group gets the rest back, and Run returns nil. While Kafka is unavailable
// it keeps trying. It returns an error when a dead letter topic cannot be had, when the error
// policy stops the service, or when Kafka does not answer the last accept. A consumer runs
// once, and its registry is started before.
func (c *ShareConsumer) Run(ctx context.Context) error {
	return c.RunSource(ctx, c.log.With("group", c.cfg.GroupID), "partitions", c.keepConsuming)
}

// keepConsuming joins the group and consumes, again after each failure, until ctx ends. It
// returns which partitions had work left then, and whether there was ever a session. What only
// a person can correct is an error.
func (c *ShareConsumer) keepConsuming(ctx context.Context) (left []string, hasConsumed bool, err error) {
	requests, err := newRequestClient(c.cfg)
	if err != nil {
		return nil, false, err
	}
	defer closeInTime(closingTimeout, requests.Close)
	defer func() { _ = c.health.stop() }()
	for {
		left, err := c.consumeSession(ctx, requests)
		switch {
		case errors.Is(err, errUnaccepted):
			return left, true, fmt.Errorf("%s: %w; brokers at %s", strings.Join(left, ", "), err, strings.Join(c.cfg.Brokers, ", "))
		case ctx.Err() != nil:
			return left, c.joined.Load(), nil
		case message.OutcomeOf(err) == message.OutcomePermanent:
			return left, c.joined.Load(), err
		}
		c.health.fail(Explain(c.cfg, err))
		sleep(ctx, retryDelay)
	}
}

// consumeSession makes sure of the topics and of the group's settings, and is a member of
// the group until ctx ends, or its client cannot go on.
func (c *ShareConsumer) consumeSession(ctx context.Context, requests *kgo.Client) (left []string, err error) {
	admin := kadm.NewClient(requests)
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if _, err := c.lookAtTopics(asking, admin); err != nil {
		return nil, err
	}
	if err := c.setUpGroup(asking, requests); err != nil {
		return nil, err
	}
	c.health.enter(errors.New("joining the group"))
	s, err := c.newSession(requests)
	if err != nil {
		return nil, message.Permanent(err)
	}
	return s.consume(ctx)
}

// lookAtTopics returns what there is of the topics. It fails when there is nothing that
// can be consumed, or when a person has to correct something before that is tried.
func (c *ShareConsumer) lookAtTopics(ctx context.Context, admin *kadm.Client) (kadm.TopicDetails, error) {
	found, problems, err := c.topics.ensure(ctx, admin, c.log)
	if err != nil {
		return nil, err
	}
	all := errors.Join(slices.Collect(maps.Values(problems))...)
	isAnyThere := slices.ContainsFunc(c.topics.subscribed, func(topic string) bool { return problems[topic] == nil })
	if isAnyThere || c.session.Load() != nil { // else nothing is consumed, and the error says why
		c.health.noteParts(problems)
	}
	if isAnyThere && (c.joined.Load() || message.OutcomeOf(all) != message.OutcomePermanent) {
		return found, nil
	}
	return found, all
}

// watch asks whether the brokers answer that lead the topics' partitions, and what there
// is of those, until ctx ends.
func (s *shareSession) watch(ctx context.Context) {
	c := s.consumer
	for ctx.Err() == nil {
		next := time.Now().Add(probeInterval)
		asking, cancel := context.WithTimeout(ctx, probeTimeout)
		found, err := c.lookAtTopics(asking, s.admin)
		if err == nil || !isNetwork(err) { // what is wrong with topics is noted
			err = s.probe(asking, found)
		}
		if ctx.Err() == nil {
			c.health.probed(err)
		}
		if lags, err := shareLags(asking, s.requests, c.cfg, c.topics.subscribed); err == nil {
			c.lags.Store(&lags)
		}
		cancel()
		sleep(ctx, time.Until(next))
	}
}

// probe returns which leaders of partitions do not answer.
func (s *shareSession) probe(ctx context.Context, found kadm.TopicDetails) error {
	brokers, err := s.admin.ListBrokers(ctx)
	if err != nil {
		return err
	}
	leaders := map[int32]string{}
	for _, topic := range s.consumer.topics.subscribed {
		for _, p := range found[topic].Partitions {
			if i := slices.IndexFunc(brokers, func(b kadm.BrokerDetail) bool { return b.NodeID == p.Leader }); i >= 0 {
				leaders[p.Leader] = fmt.Sprintf("%s:%d", brokers[i].Host, brokers[i].Port)
			}
		}
	}
	return probe(ctx, s.requests, leaders)
}
