package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// session is what sarama calls while the consumer is a member of its group.
type session struct {
	consumer *Consumer
	client   sarama.Client
	group    sarama.ConsumerGroup
	admin    sarama.ClusterAdmin
	current  atomic.Pointer[sarama.ConsumerGroupSession]

	mu      sync.Mutex
	claims  []*claim // that have not ended
	member  bool     // of the group, from Setup to Cleanup
	givenUp bool     // it is not to become one any more
}

// giveUp keeps the session from becoming a member, unless it is one.
func (s *session) giveUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.givenUp = !s.member
	return s.givenUp
}

// enter makes the session a member, unless that was given up.
func (s *session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = !s.givenUp
	return s.member
}

// leave makes it none, and reports whether it was one.
func (s *session) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.member
	s.member = false
	return was
}

func (s *session) live() []*claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.claims)
}

func (s *session) begin(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, c)
}

func (s *session) end(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = slices.DeleteFunc(s.claims, func(other *claim) bool { return other == c })
}

// Setup is called when partitions were assigned.
func (s *session) Setup(cs sarama.ConsumerGroupSession) error {
	c := s.consumer
	if !s.enter() {
		return context.Canceled // nobody is there to consume
	}
	s.current.Store(&cs)
	c.session.Store(s)
	c.setState(nil)
	c.log.Info("consuming", "group", c.cfg.GroupID, "member", cs.MemberID(), "generation", cs.GenerationID(), "partitions", cs.Claims())
	go s.tellStrangers(cs)
	return nil
}

// Cleanup is called when all claims have ended. There is nothing left to do
// for them: with a cooperative strategy it comes far too late. It is called after
// a Setup that failed too.
func (s *session) Cleanup(cs sarama.ConsumerGroupSession) error {
	if !s.leave() {
		return nil
	}
	s.consumer.session.Store(nil)
	s.consumer.setState(errors.New("partitions are being assigned anew"))
	s.consumer.log.Info("session ended", "group", s.consumer.cfg.GroupID, "cause", context.Cause(cs.Context()))
	return nil
}

// batchSize is how many messages are handed to the engine at once at most, as
// many as sarama's channel holds.
const batchSize = 256

// ConsumeClaim hands one partition's messages to the engine until the claim is
// revoked. It returns only then: returning earlier would end the session of
// all partitions.
func (s *session) ConsumeClaim(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	s.tellJump(cs, sc)
	c := &claim{session: s, sarama: cs, topic: sc.Topic(), partition: sc.Partition(), initial: sc.InitialOffset()}
	s.begin(c)
	defer s.end(c) // a claim that drains still has marks for the engine's committer
	lane := s.consumer.engine.Assign(c)
	s.take(cs, sc, c, lane)
	// The session's context has ended by now, so the drain has its own time.
	if err := lane.Drain(context.WithoutCancel(cs.Context())); err != nil {
		s.consumer.log.Warn("partition was given back with work left", "topic", c.topic, "partition", c.partition, "error", err)
	}
	return nil
}

// take delivers messages as they come, whatever the channel holds at once.
func (s *session) take(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim, c *claim, lane *engine.Lane) {
	batch := make([]message.Message, 0, batchSize)
	for {
		select {
		case <-cs.Context().Done():
			return
		case m, ok := <-sc.Messages():
			if !ok {
				return
			}
			batch = append(batch[:0], toMessage(m))
		}
	fill:
		for len(batch) < batchSize {
			select {
			case m, ok := <-sc.Messages():
				if !ok {
					break fill // the next receive sees it too
				}
				batch = append(batch, toMessage(m))
			default:
				break fill
			}
		}
		c.starts(batch[0].Offset)
		lane.Deliver(batch)
		clear(batch) // the engine has its own copies
	}
}

// claim is one partition's assignment, as the engine sees it.
type claim struct {
	session   *session
	sarama    sarama.ConsumerGroupSession
	topic     string
	partition int32
	initial   int64 // what the group had committed, or less than 0
	started   bool  // a first message was delivered

	mu     sync.Mutex
	marked int64 // what the group is to read next, 0 before the first mark
}

// starts notes the first delivered offset. When it lies below the committed
// one, because that was out of range, sarama would ignore all marks until they
// had caught up: it is told to go back first.
func (c *claim) starts(first int64) {
	if c.started {
		return
	}
	c.started = true
	if first < c.initial || c.initial < 0 {
		c.sarama.ResetOffset(c.topic, c.partition, first, "")
	}
}

// Mark implements engine.Claim.
func (c *claim) Mark(offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sarama.MarkOffset(c.topic, c.partition, offset+1, "")
	c.marked = offset + 1
}

// toRead returns what the group is to read next by the claim's marks.
func (c *claim) toRead() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.marked
}

// Commit implements engine.Claim.
func (c *claim) Commit(ctx context.Context) error {
	return c.session.commit(ctx, c.sarama, []*claim{c})
}

// Pause implements engine.Pauser.
func (c *claim) Pause() { c.session.group.Pause(map[string][]int32{c.topic: {c.partition}}) }

// Resume implements engine.Pauser.
func (c *claim) Resume() { c.session.group.Resume(map[string][]int32{c.topic: {c.partition}}) }

// commit commits the marks of all claims and makes sure of those of the given
// ones: sarama does not tell whether a commit reached the broker, so they are
// read back.
func (s *session) commit(ctx context.Context, cs sarama.ConsumerGroupSession, claims []*claim) error {
	want := make(map[*claim]int64, len(claims))
	partitions := map[string][]int32{}
	for _, c := range claims {
		if marked := c.toRead(); marked > 0 {
			want[c] = marked
			partitions[c.topic] = append(partitions[c.topic], c.partition)
		}
	}
	if len(want) == 0 {
		return nil
	}
	return within(ctx, func() error {
		cs.Commit()
		got, err := s.admin.ListConsumerGroupOffsets(s.consumer.cfg.GroupID, partitions)
		if err != nil {
			return fmt.Errorf("read back the committed offsets: %w", err)
		}
		for c, marked := range want {
			if !c.has(got, marked) {
				return fmt.Errorf("the commit of %s/%d up to %d did not arrive", c.topic, c.partition, marked)
			}
		}
		return nil
	})
}

// has reports whether the group's offsets show a commit of at least marked. One
// beyond the claim's last mark is not of its making: it stands there from before
// the claim went back to a lower offset, and the commit was lost.
func (c *claim) has(got *sarama.OffsetFetchResponse, marked int64) bool {
	block := got.GetBlock(c.topic, c.partition)
	return block != nil && marked <= block.Offset && block.Offset <= c.toRead()
}

// errNoSession is what the engine gets when it commits between sessions. Claims
// have committed when they ended, so it is a commit called off, no failure.
var errNoSession = fmt.Errorf("not a member of the group at present: %w", context.Canceled)

// source is the consumer as the engine sees it.
type source Consumer

// Commit implements engine.Source.
func (s *source) Commit(ctx context.Context) error {
	current := s.session.Load()
	if current == nil {
		return errNoSession
	}
	return current.commit(ctx, *current.current.Load(), current.live())
}

// toMessage copies what a message is made of, but not its bytes.
func toMessage(m *sarama.ConsumerMessage) message.Message {
	out := message.Message{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
		Key: m.Key, Value: m.Value, Time: m.Timestamp,
	}
	if len(m.Headers) > 0 {
		out.Headers = make([]message.Field, len(m.Headers))
		for i, h := range m.Headers {
			out.Headers[i] = message.Field{Key: headerName(h.Key), Value: h.Value}
		}
	}
	return out
}

// knownHeaders are the names of headers that come with every message, where they
// come at all: those of an envelope that is not in the value, and of a trace.
var knownHeaders = func() map[string]string {
	names := make(map[string]string)
	for _, name := range []string{
		"messageType", "schemaName", "schemaVersion", "correlationId", "messageId", "timestamp", "producer",
		"traceparent", "tracestate", "baggage",
	} {
		names[name] = name
	}
	return names
}()

// headerName returns a header's name, without an allocation if it is known.
func headerName(name []byte) string {
	if known, ok := knownHeaders[string(name)]; ok {
		return known
	}
	return string(name)
}
