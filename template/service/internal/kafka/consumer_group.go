package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// Consumer takes messages from the registry's topics as a member of a consumer
// group and has them handled. It commits a message only when it is done.
type Consumer struct {
	*engine.Engine // but for Run and Ready

	cfg      config.Kafka
	registry *message.Registry
	topics   *topics
	log      *slog.Logger
	health   *health

	ran     atomic.Bool
	joined  atomic.Bool             // there was a session
	session atomic.Pointer[session] // the present one, nil between sessions

	mu      sync.Mutex
	ends    map[string]map[int32]int64 // of topics that were new to the group: where their partitions begin with latest
	left    []string                   // partitions that the last session ended with work left in
	leftErr error                      // why what is done of one is not committed, as far as it is no other member's now
}

// NewConsumer returns a consumer for the registry's topics. Messages that fail
// for good go to the dead letters by publisher. It connects when it runs.
func NewConsumer(cfg config.Kafka, registry *message.Registry, publisher *publisher.Publisher, log *slog.Logger) (*Consumer, error) {
	if len(registry.Topics()) == 0 {
		return nil, errors.New("no topic has a handler: register one with message.Register")
	}
	if cfg.GroupID == "" {
		return nil, errors.New("KAFKA_GROUP_ID is not set: a consumer needs a group")
	}
	setUpSarama(log)
	registry.Group = cfg.GroupID
	c := &Consumer{cfg: cfg, registry: registry, log: log, health: newHealth(log.With("group", cfg.GroupID)), ends: map[string]map[int32]int64{}}
	c.topics = &topics{subscribed: registry.Topics(), published: registry.PublishedTopics(), deadLetters: cfg.ErrorPolicy == "dead-letter"}
	c.Engine = engine.New(engine.NewConfig(cfg.Engine), registry, &deadletter.Writer{Send: publisher.Send, Group: cfg.GroupID}, c.commit, log)
	return c, nil
}

// Name returns the consumer's group.
func (c *Consumer) Name() string { return c.cfg.GroupID }

// Ready returns why the consumer does not consume at present, nil when it does.
func (c *Consumer) Ready() error { return cmp.Or(c.health.why(), c.Engine.Ready()) }

// EachLag calls f for each partition that the consumer reads, with how much of it is not
// done, as far as that was known some seconds ago. Of one whose leader has not said where it
// begins and ends, nobody knows.
func (c *Consumer) EachLag(f func(topic string, partition int32, lag int64)) {
	s := c.session.Load()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, claim := range s.claims {
		if end, next := claim.end.Load(), claim.next.Load(); claim.hasBegun && end >= 0 && next >= 0 {
			f(claim.topic, claim.partition, max(end-next, 0))
		}
	}
}

// leave notes that a partition ended with work left, and why if that is the broker's
// fault.
func (c *Consumer) leave(p place, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, p.String())
	if errors.Is(err, errUnanswered) {
		c.leftErr = err
	}
}

// commit commits what the engine has marked.
func (c *Consumer) commit(ctx context.Context) error {
	current := c.session.Load()
	if current == nil { // claims have committed when they ended: this one is skipped, and did not fail
		return fmt.Errorf("not a member of the group at present: %w", context.Canceled)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RebalanceTimeout) // no rebalance takes longer
	defer cancel()
	return current.commit(ctx, nil)
}
