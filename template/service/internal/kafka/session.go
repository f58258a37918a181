package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// session is one membership of the group, from joining it to the next rebalance,
// or longer with a cooperative strategy. Sarama calls its exported methods.
type session struct {
	*connection
	consumer *Consumer
	sarama   sarama.ConsumerGroupSession // nil while joining
	commits  *semaphore.Weighted         // one at a time: a late one would take the offset back

	mu     sync.Mutex
	member bool     // between Setup and Cleanup
	claims []*claim // that have not ended
}

// consume is a member of the group until the session ends: with a nil error when
// the group rebalances. It gives up joining when ctx ends first, because a join
// takes as long as another member drains, or a broker hangs, and knows no context.
func (s *session) consume(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		err := s.group.Consume(ctx, s.consumer.registry.Topics(), s)
		if err != nil && ctx.Err() == nil {
			// Sarama keeps asking a coordinator that is gone until it learns, much
			// later, that the whole broker is.
			_ = s.client.RefreshCoordinator(s.consumer.cfg.GroupID) // err is what is wrong
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	s.mu.Lock()
	member := s.member
	s.mu.Unlock()
	if !member {
		return ctx.Err() // closing the group leaves it, if it is joined soon
	}
	return <-done // its claims drain
}

// Setup is called when the group was joined.
func (s *session) Setup(cs sarama.ConsumerGroupSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := context.Cause(cs.Context()); err != nil {
		return err // nobody waits for the session any more
	}
	s.sarama, s.member = cs, true
	s.consumer.begin(s)
	return nil
}

// Cleanup is called when all claims have ended, and after a Setup that failed.
// There is nothing left to do for the claims: with a cooperative strategy it
// comes far too late.
func (s *session) Cleanup(cs sarama.ConsumerGroupSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.member {
		s.member = false
		s.consumer.end(context.Cause(cs.Context()))
	}
	return nil
}

// ConsumeClaim hands one partition's messages to the engine until the claim is
// revoked. It returns only then: returning earlier would end the session of all
// partitions.
func (s *session) ConsumeClaim(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	c := &claim{session: s, place: place{sc.Topic(), sc.Partition()}, isNew: sc.InitialOffset() < 0}
	log := s.consumer.log.With("topic", c.topic, "partition", c.partition)
	if c.isNew { // nothing is committed, or not an offset that the log has
		warnOffsetOutOfRange(cs.Context(), s.admin, s.consumer.cfg.GroupID, c.topic, c.partition, log)
	}
	if s.consumer.cfg.RebalanceStrategy == cooperativeSticky {
		log.Info("partition assigned", "generation", cs.GenerationID())
	}
	s.mu.Lock()
	s.claims = append(s.claims, c)
	s.mu.Unlock()
	defer s.removeClaim(c) // a claim that drains still has marks for the engine's committer
	lane := s.consumer.engine.Assign(c)
	deliver(cs.Context(), sc.Messages(), c, lane)
	ended := context.Cause(cs.Context()) // nil if only this partition was revoked
	if isForgotten(ended) {
		lane.Lose() // others have the partition: no commit of this member arrives
		s.consumer.unfinished.Add(1)
		log.Warn("partition lost: the group has forgotten this member", "cause", ended)
		return nil
	}
	err := lane.Drain(context.WithoutCancel(cs.Context()))
	switch {
	case err != nil:
		if ended != nil { // else its next owner handles the rest now
			s.consumer.unfinished.Add(1)
		}
		log.Warn("partition given back with work left", "error", err)
	case ended == nil:
		log.Info("partition given back")
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
	var batch []message.Message
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			batch = append(batch, newMessage(m))
		}
		for range len(messages) { // nobody else receives from it
			batch = append(batch, newMessage(<-messages))
		}
		if c.isNew { // who begins at the end would begin after these, once they are lost in a crash
			c.isNew = false
			c.next.Store(batch[0].Offset)
			_ = c.Commit(ctx) // what fails is in the next commit
		}
		lane.Deliver(batch)
		clear(batch) // the engine has its own copies
		batch = batch[:0]
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

func (s *session) removeClaim(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = slices.DeleteFunc(s.claims, func(other *claim) bool { return other == c })
}

// commit commits the marks of all claims and returns nil once the broker has said
// so of each, or of own if that is not nil. Sarama's own commits say nothing, and
// wait behind its fetches. A session that goes on while its group rebalances cannot
// commit until it has joined anew; what no attempt can commit is permanent.
func (s *session) commit(ctx context.Context, own *claim) error {
	if err := s.commits.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.commits.Release(1)
	for {
		request, claims := s.newCommit()
		if len(claims) == 0 || own != nil && claims[own.place] == nil {
			return nil
		}
		response, err := request.RequestWith(ctx, s.kafka)
		if err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		var refused error
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				c, err := claims[place{t.Topic, p.Partition}], kerr.ErrorForCode(p.ErrorCode)
				switch {
				case c == nil: // not asked for
				case err == nil:
					c.committed = c.requested
				case own == nil || own == c:
					refused = fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, err)
				}
			}
		}
		old, ended := errors.Is(refused, kerr.IllegalGeneration), s.sarama.Context().Err() != nil
		switch {
		case refused == nil:
			return nil
		case errors.Is(refused, kerr.UnknownMemberID), errors.Is(refused, kerr.FencedInstanceID), old && ended:
			return message.Permanent(refused)
		case !old && !errors.Is(refused, kerr.RebalanceInProgress), ctx.Err() != nil, ended:
			return refused
		}
		sleep(ctx, maxMetadataBackoff)
	}
}

// newCommit returns a request for what is marked and not committed, and whose that is.
func (s *session) newCommit() (*kmsg.OffsetCommitRequest, map[place]*claim) {
	cfg := s.consumer.cfg
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.MemberID, request.Generation = cfg.GroupID, s.sarama.MemberID(), s.sarama.GenerationID()
	if cfg.InstanceID != "" {
		request.InstanceID = &cfg.InstanceID
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	claims, topics := make(map[place]*claim), make(map[string][]kmsg.OffsetCommitRequestTopicPartition)
	for _, c := range s.claims {
		if c.requested = c.next.Load(); c.requested != c.committed {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset = c.partition, c.requested
			claims[c.place], topics[c.topic] = c, append(topics[c.topic], p)
		}
	}
	for name, partitions := range topics {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = name, partitions
		request.Topics = append(request.Topics, t)
	}
	return request, claims
}

// place names a partition.
type place struct {
	topic     string
	partition int32
}

// claim is one partition's assignment, as the engine sees it.
type claim struct {
	session *session
	place
	isNew     bool         // the group has no offset for it, or none that the log has
	next      atomic.Int64 // what the group is to read next by the claim's marks, 0 before the first
	requested int64        // the next of the last commit, and
	committed int64        // of the last one that was not refused; both for who commits
}

// Mark implements engine.Claim.
func (c *claim) Mark(offset int64) { c.next.Store(offset + 1) }

// Commit implements engine.Claim.
func (c *claim) Commit(ctx context.Context) error { return c.session.commit(ctx, c) }

// Pause implements engine.Claim.
func (c *claim) Pause() { c.session.group.Pause(map[string][]int32{c.topic: {c.partition}}) }

// Resume implements engine.Claim.
func (c *claim) Resume() { c.session.group.Resume(map[string][]int32{c.topic: {c.partition}}) }

// offsetTimeout bounds how long a claim waits for an answer that is only for the
// log.
const offsetTimeout = 10 * time.Second

// warnOffsetOutOfRange logs when a partition's log no longer has the offset that the
// group had committed: records were deleted before they were read, or the cluster
// lost records that it had acknowledged. Sarama goes on elsewhere and says nothing.
func warnOffsetOutOfRange(ctx context.Context, admin *kadm.Client, group, topic string, partition int32, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, offsetTimeout)
	defer cancel()
	offsets, err := admin.FetchOffsets(ctx, group)
	committed, ok := offsets.Lookup(topic, partition)
	if err != nil || !ok || committed.At < 0 {
		return // not known, or the group's first time
	}
	starts, _ := admin.ListStartOffsets(ctx, topic)
	ends, _ := admin.ListEndOffsets(ctx, topic)
	start, hasStart := starts.Lookup(topic, partition)
	end, hasEnd := ends.Lookup(topic, partition)
	if !hasStart || !hasEnd {
		return
	}
	cause := "the log ends before it: the cluster lost records, or the topic is a new one"
	if committed.At < start.Offset {
		cause = "records were deleted before they were handled"
	}
	log.Warn("committed offset out of range", "cause", cause, "committed", committed.At, "log_start", start.Offset, "log_end", end.Offset, "deleted", max(0, start.Offset-committed.At))
}
