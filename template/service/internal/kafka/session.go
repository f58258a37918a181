package kafka

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// session is one membership of the group, from joining it to the next rebalance.
// Sarama calls its exported methods.
type session struct {
	*connection
	consumer *Consumer
	sarama   sarama.ConsumerGroupSession // nil while joining

	mu     sync.Mutex
	claims []*claim // that have not ended
	phase  phase
}

// phase is how far a session is.
type phase uint8

const (
	joining phase = iota
	member
	left      // after it was a member
	abandoned // before it became one
)

// consume is a member of the group until the session ends: with a nil error when
// the group rebalances. It gives up joining when ctx ends first, because a join
// takes as long as another member drains, or a broker hangs, and knows no context.
func (s *session) consume(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.group.Consume(ctx, s.consumer.registry.Topics(), s) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if s.advance(joining, abandoned) {
		return ctx.Err() // closing the group leaves it, if it is joined soon
	}
	return <-done // its claims drain
}

// advance moves the session on, if it is in phase from.
func (s *session) advance(from, to phase) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != from {
		return false
	}
	s.phase = to
	return true
}

// Setup is called when partitions were assigned.
func (s *session) Setup(cs sarama.ConsumerGroupSession) error {
	s.sarama = cs
	if !s.advance(joining, member) {
		return context.Canceled // the consumer has stopped
	}
	c := s.consumer
	c.session.Store(s)
	c.unfinished.Store(0)
	attrs := []any{"group", c.cfg.GroupID, "member", cs.MemberID(), "generation", cs.GenerationID(), "partitions", cs.Claims()}
	if away := c.setConsuming(); away > 0 {
		c.log.Info("consuming again", append(attrs, "after", away)...)
		return nil
	}
	c.log.Info("consuming", attrs...)
	return nil
}

// Cleanup is called when all claims have ended, and after a Setup that failed.
// There is nothing left to do for the claims: with a cooperative strategy it
// comes far too late.
func (s *session) Cleanup(cs sarama.ConsumerGroupSession) error {
	if s.advance(member, left) {
		c := s.consumer
		c.session.Store(nil)
		c.setState(errors.New("partitions are being assigned anew"))
		c.log.Info("session ended", "group", c.cfg.GroupID, "cause", context.Cause(cs.Context()))
	}
	return nil
}

// deliverySize is how many messages are handed to the engine at once at most, as
// many as sarama's channel holds.
const deliverySize = 256

// ConsumeClaim hands one partition's messages to the engine until the claim is
// revoked. It returns only then: returning earlier would end the session of all
// partitions.
func (s *session) ConsumeClaim(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	c := &claim{session: s, sarama: cs, topic: sc.Topic(), partition: sc.Partition(), initial: sc.InitialOffset()}
	c.warnOffsetOutOfRange()
	s.addClaim(c)
	defer s.removeClaim(c) // a claim that drains still has marks for the engine's committer
	lane := s.consumer.engine.Assign(c)
	deliver(cs.Context(), sc.Messages(), c, lane)
	log := s.consumer.log.With("topic", c.topic, "partition", c.partition)
	if cause := context.Cause(cs.Context()); isForgotten(cause) {
		lane.Lose() // others have the partition: no commit of this member arrives
		log.Warn("partition lost: the group has forgotten this member", "cause", cause)
		return nil
	}
	if err := lane.Drain(context.WithoutCancel(cs.Context())); err != nil {
		s.consumer.unfinished.Add(1)
		log.Warn("partition given back with work left", "error", err)
	}
	return nil
}

// isForgotten reports whether a session ended because its member is none of the
// group any more.
func isForgotten(cause error) bool {
	return errors.Is(cause, sarama.ErrUnknownMemberId) || errors.Is(cause, sarama.ErrIllegalGeneration) || errors.Is(cause, sarama.ErrFencedInstancedId)
}

// deliver gives messages to the lane as they come, whatever the channel holds at
// once.
func deliver(ctx context.Context, messages <-chan *sarama.ConsumerMessage, c *claim, lane *engine.Lane) {
	batch := make([]message.Message, 0, deliverySize)
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			batch = append(batch[:0], newMessage(m))
		}
		for more := true; more && len(batch) < deliverySize; {
			select {
			case m, ok := <-messages:
				if more = ok; ok { // if not, the next receive sees it too
					batch = append(batch, newMessage(m))
				}
			default:
				more = false
			}
		}
		c.startAt(batch[0].Offset)
		lane.Deliver(batch)
		clear(batch) // the engine has its own copies
	}
}

// newMessage returns m for the engine, which copies its bytes: sarama's are part of a
// whole fetch.
func newMessage(m *sarama.ConsumerMessage) message.Message {
	out := message.Message{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		Key: m.Key, Value: m.Value, Time: m.Timestamp,
	}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, message.Field{Key: string(h.Key), Value: h.Value})
	}
	return out
}

func (s *session) addClaim(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, c)
}

func (s *session) removeClaim(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = slices.DeleteFunc(s.claims, func(other *claim) bool { return other == c })
}

func (s *session) liveClaims() []*claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.claims)
}
