package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Run consumes until ctx ends. Then it drains: what runs may finish, what is done is
// committed, and Run returns nil. While Kafka is unavailable it keeps trying. It
// returns an error when a dead letter topic cannot be had, when the error policy stops
// the service, or when Kafka does not answer the last commit. A consumer runs once,
// and its registry is started before.
func (c *Consumer) Run(ctx context.Context) error {
	if c.ran.Swap(true) {
		return errors.New("consumer was run already: make a new one")
	}
	parent := ctx
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	defer context.AfterFunc(parent, func() { cancel(errStopped) })()
	stopped := make(chan error, 1)
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		stopped <- c.Engine.Run(engineCtx)
		cancel(errStopped)
	}()
	err := c.keepConsuming(ctx)
	stopEngine()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leftErr != nil {
		hanging := cmp.Or(c.health.stop(), fmt.Errorf("brokers at %s", strings.Join(c.cfg.Brokers, ", ")))
		c.leftErr = fmt.Errorf("%s: %w; %w", strings.Join(c.left, ", "), c.leftErr, hanging)
	}
	if err = errors.Join(err, <-stopped, c.leftErr); err != nil {
		return err
	}
	switch log := c.log.With("group", c.cfg.GroupID); {
	case len(c.left) > 0:
		log.Warn("stopped with work left: it will be delivered again", "partitions", c.left)
	case c.joined.Load():
		log.Info("stopped, all committed")
	default:
		log.Info("stopped before it had consumed")
	}
	return nil
}

// keepConsuming joins the group and consumes, again after each session and each
// failure, until ctx ends. What only a person can correct is an error.
func (c *Consumer) keepConsuming(ctx context.Context) error {
	conn, err := open(c.cfg)
	if err != nil {
		return err
	}
	defer conn.close()
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWatching()
	go c.watch(watching, conn)
	go func() {
		for err := range conn.group.Errors() { // unread, they would be dropped
			var at place
			if of, ok := errors.AsType[*sarama.ConsumerError](err); ok {
				at = place{of.Topic, of.Partition}
			}
			c.health.failAt(at, err)
			if s := c.session.Load(); s != nil && isUndecodable(err) {
				s.suspect(at)
			}
		}
	}()
	defer func() { _ = c.health.stop() }()
	for {
		began := time.Now()
		err := c.consumeSession(ctx, conn)
		switch {
		case ctx.Err() != nil:
			return nil
		case message.OutcomeOf(err) == message.OutcomePermanent:
			return err
		case errors.Is(err, sarama.ErrFencedInstancedId):
			return fmt.Errorf("another member of group %q uses KAFKA_GROUP_INSTANCE_ID %q: give each its own: %w", c.cfg.GroupID, c.cfg.InstanceID, err)
		case err != nil:
			c.health.fail(c.explain(err))
		case time.Since(began) > time.Second:
			continue // a rebalance
		}
		sleep(ctx, retryDelay)
	}
}

// explain is Explain, for what sarama says of groups too.
func (c *Consumer) explain(err error) error {
	switch {
	case errors.Is(err, sarama.ErrInconsistentGroupProtocol):
		return fmt.Errorf("a member of group %q has none of KAFKA_REBALANCE_STRATEGY=%s: %w: to change it while others run, give all the new and the old one, such as cooperative-sticky,sticky, and then all the new one",
			c.cfg.GroupID, strings.Join(c.cfg.RebalanceStrategy, ","), err)
	case errors.Is(err, sarama.ErrGroupAuthorizationFailed):
		err = fmt.Errorf("%w: %w", kerr.GroupAuthorizationFailed, err)
	}
	return Explain(c.cfg, err)
}

// consumeSession makes sure of the topics, which may be gone since the last
// session, and is a member of the group until the session ends.
func (c *Consumer) consumeSession(ctx context.Context, conn *connection) error {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := message.CallBounded(asking, 0, func(context.Context) error { return c.lookAtTopics(asking, conn) }); err != nil {
		return err
	}
	joining := fmt.Errorf("joining the group: another member's session may have to end first, at most %v", c.cfg.SessionTimeout)
	c.health.enter(joining)
	s := &session{consumer: c, connection: conn, commits: semaphore.NewWeighted(1), claims: map[place]*claim{}}
	s.slow = time.AfterFunc(noticeDelay, func() { c.log.Info("waiting", "group", c.cfg.GroupID, "for", joining) })
	defer s.slow.Stop()
	return s.consume(ctx)
}

// lookAtTopics notes what there is of the topics. It fails when there is nothing that
// can be consumed, or when a person has to correct something before that is tried.
func (c *Consumer) lookAtTopics(ctx context.Context, conn *connection) error {
	found, problems, err := c.topics.ensure(ctx, conn.admin, c.log)
	if err != nil {
		return err
	}
	c.noteTopics(conn, found)
	if err := c.noteNewTopics(ctx, conn.admin, found); err != nil {
		return err
	}
	all := errors.Join(slices.Collect(maps.Values(problems))...)
	isAnyThere := slices.ContainsFunc(c.topics.subscribed, func(topic string) bool { return problems[topic] == nil })
	if isAnyThere || c.session.Load() != nil { // else nothing is consumed, and the error says why
		c.health.noteParts(problems)
	}
	if isAnyThere && (c.joined.Load() || message.OutcomeOf(all) != message.OutcomePermanent) {
		return nil
	}
	return all
}

// noteTopics notes what there is of topics. One that was made anew since it was seen last is
// as one that appears.
func (c *Consumer) noteTopics(conn *connection, found kadm.TopicDetails) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(*conn.found.Load())
	for topic, t := range found {
		switch old := all[topic].ID; {
		case t.ID == (kadm.TopicID{}):
			t.ID = old // it is not there any more, or its cluster has no ids
		case old != t.ID && old != (kadm.TopicID{}) && slices.Contains(c.topics.subscribed, topic):
			c.log.Error("topic was deleted and made anew, reading it from its start", "topic", topic)
			c.ends[topic] = nil
		}
		all[topic] = t
	}
	conn.found.Store(&all)
}

// noteNewTopics notes, once, where the topics end in which the group has no offset, if
// those are to begin there. What comes later is the group's, whoever commits first, and
// so are partitions that appear later.
func (c *Consumer) noteNewTopics(ctx context.Context, admin *kadm.Client, found kadm.TopicDetails) error {
	c.mu.Lock()
	fresh := slices.DeleteFunc(slices.Clone(c.topics.subscribed), func(topic string) bool {
		_, isKnown := c.ends[topic]
		return isKnown || errors.Is(found[topic].Err, kerr.TopicAuthorizationFailed) // to ask for it is to be told of none
	})
	c.mu.Unlock()
	if c.cfg.AutoOffsetReset != "latest" || len(fresh) == 0 {
		return nil
	}
	offsets, err := fetchOffsets(ctx, admin, c.cfg.GroupID)
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, fresh...)
	if err != nil && len(ends) == 0 {
		return fmt.Errorf("ask where topics end: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, topic := range fresh {
		c.ends[topic] = map[int32]int64{}
		for p, end := range ends[topic] {
			if len(offsets[topic]) == 0 && end.Err == nil {
				c.ends[topic][p] = end.Offset
			}
		}
	}
	return nil
}

// firstEnd returns where a partition without an offset begins if its log has no later
// start.
func (c *Consumer) firstEnd(at place) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends[at.topic][at.partition]
}

// watch asks the brokers of the consumer's session whether they answer, until ctx
// ends. An idle client would not know for as long as KAFKA_READ_TIMEOUT.
func (c *Consumer) watch(ctx context.Context, conn *connection) {
	var brokers map[int32]string // of the present session, or the last
	var quota hunger
	for ctx.Err() == nil {
		next := time.Now().Add(probeInterval)
		if s := c.session.Load(); s != nil {
			brokers = s.brokers()
		}
		unanswered := probe(ctx, conn.kafka, brokers)
		if ctx.Err() == nil {
			c.health.probed(cmp.Or(unanswered, quota.check(conn, c.Stats().Records == 0)))
		}
		if s := c.session.Load(); s != nil && unanswered == nil {
			s.look(ctx)
		}
		sleep(ctx, time.Until(next))
	}
}

// look notes what becomes of the session's topics, and of what is no message in them.
func (s *session) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_ = s.consumer.lookAtTopics(ctx, s.connection) // what is wrong is noted
	s.mu.Lock()
	claims := slices.DeleteFunc(slices.Collect(maps.Values(s.claims)), func(c *claim) bool { return !c.hasBegun })
	s.mu.Unlock()
	for _, c := range claims {
		if c.id != s.lastSeen(c.topic).ID && c.metadata != "" {
			c.isLost.Store(true)
			s.end(errMadeAnew)
		}
	}
	s.noteEnds(ctx, claims)
	s.skipGaps(ctx, claims)
}

// noteEnds notes where the claims' partitions end. Sarama knows it only of those that it
// fetches, which a paused one is not.
func (s *session) noteEnds(ctx context.Context, claims []*claim) {
	if len(claims) == 0 {
		return // to ask for no topic is to ask for all
	}
	topics := slices.Collect(maps.Keys(s.sarama.Claims()))
	ends, _ := listEnds(ctx, s.admin, s.consumer.cfg, topics) // what is not told stays as it was
	for _, c := range claims {
		if end, ok := ends.Lookup(c.topic, c.partition); ok && end.Err == nil {
			c.end.Store(end.Offset)
		}
	}
}

// listEnds returns where the partitions of topics end for who reads them with cfg.
func listEnds(ctx context.Context, admin *kadm.Client, cfg config.Kafka, topics []string) (kadm.ListedOffsets, error) {
	if cfg.IsolationLevel == "read_committed" {
		return admin.ListCommittedOffsets(ctx, topics...)
	}
	return admin.ListEndOffsets(ctx, topics...)
}

// brokers returns the addresses of the brokers that the session needs: those that
// lead its partitions, and its group's coordinator.
func (s *session) brokers() map[int32]string {
	found := map[int32]string{}
	if b, err := s.client.Coordinator(s.consumer.cfg.GroupID); err == nil {
		found[b.ID()] = b.Addr()
	}
	for topic, partitions := range s.sarama.Claims() {
		for _, p := range partitions {
			if s.client.PartitionNotReadable(topic, p) {
				continue // to ask for its leader would take long
			}
			if b, err := s.client.Leader(topic, p); err == nil {
				found[b.ID()] = b.Addr()
			}
		}
	}
	return found
}
