package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
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
	slow     *time.Timer                 // says that joining takes long
	ctx      context.Context             // of which sarama's is a child
	end      context.CancelCauseFunc

	mu     sync.Mutex
	claims map[place]*claim // of which it is set where they begin, and which have not ended
	active sync.WaitGroup   // of those that have begun
}

// consume is a member of the group until the session ends: with a nil error when
// the group rebalances. It gives up joining when ctx ends first, because a join
// takes as long as another member drains, or a broker hangs, and knows no context.
func (s *session) consume(ctx context.Context) error {
	done := make(chan error, 1)
	session, end := context.WithCancelCause(ctx)
	defer end(nil)
	s.ctx, s.end = session, end
	go func() {
		err := s.group.Consume(session, s.consumer.registry.Topics(), s)
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
	end(context.Cause(ctx)) // once it returns, no claim begins
	s.mu.Lock()
	isMember := s.consumer.session.Load() == s
	s.mu.Unlock()
	if !isMember {
		return ctx.Err() // closing the group leaves it, if it is joined soon
	}
	s.active.Wait() // each drains in its time
	select {
	case err := <-done:
		return err
	case <-time.After(closingTimeout):
		s.closing = 0 // a broker does not answer, and there is nothing left to do for it
		return nil
	}
}

// Setup is called when the group was joined. Nothing is read before the group has an
// offset for each partition.
func (s *session) Setup(cs sarama.ConsumerGroupSession) error {
	s.slow.Stop()
	s.sarama = cs
	if err := s.setPositions(cs.Claims()); err != nil && cs.Context().Err() == nil {
		return message.Retry(fmt.Errorf("set where partitions begin: %w", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := context.Cause(cs.Context()); errors.Is(err, errStopped) {
		return err // nobody waits for the session any more
	} else if err != nil {
		return nil // it has ended already, and no claim begins
	}
	c := s.consumer
	c.mu.Lock()
	c.left, c.leftErr = nil, nil
	c.mu.Unlock()
	c.joined.Store(true)
	c.session.Store(s)
	c.log.Info("consuming", "group", c.cfg.GroupID, "member", cs.MemberID(), "generation", cs.GenerationID(), "partitions", cs.Claims())
	c.health.enter(nil)
	return nil
}

// Cleanup is called when all claims have ended, and after a Setup that failed.
// There is nothing left to do for the claims: with a cooperative strategy it
// comes far too late.
func (s *session) Cleanup(cs sarama.ConsumerGroupSession) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.consumer; c.session.CompareAndSwap(s, nil) {
		c.health.enter(errors.New("partitions are being assigned anew"))
		c.log.Info("session ended", "group", c.cfg.GroupID, "cause", context.Cause(cs.Context()))
	}
	return nil
}

// ConsumeClaim hands one partition's messages to the engine until the claim is
// revoked. It returns only then: returning earlier would end the session of all
// partitions.
func (s *session) ConsumeClaim(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	c := s.beginClaim(sc)
	if c == nil {
		return nil
	}
	log := s.consumer.log.With("topic", c.topic, "partition", c.partition)
	if slices.Equal(s.consumer.cfg.RebalanceStrategy, []string{cooperativeSticky}) {
		log.Info("partition assigned", "generation", cs.GenerationID())
	}
	defer s.removeClaim(c) // a claim that drains still has marks for the engine's committer
	lane := s.consumer.Assign(c)
	deliver(cs.Context(), sc.Messages(), c, lane)
	ended := context.Cause(cs.Context())    // nil if only this partition was revoked
	if errors.Is(ended, context.Canceled) { // sarama ended it without a cause, perhaps because s.ctx has ended
		ended = cmp.Or(context.Cause(s.ctx), ended)
	}
	if c.isLost.Load() || isForgotten(ended) {
		lane.Lose() // its offsets are another log's, or others have it and no commit of this member arrives
		s.consumer.leave(c.place, nil)
		log.Warn("partition lost", "cause", ended)
		return nil
	}
	err := lane.Drain(context.WithoutCancel(cs.Context()))
	switch {
	case err != nil:
		if ended != nil { // else its next owner handles the rest now
			s.consumer.leave(c.place, err)
		}
		log.Warn("partition given back with work left", "error", err)
	case ended == nil:
		log.Info("partition given back")
	}
	return nil
}

// isForgotten reports whether the session ended because its member is none of the
// group any more. A cooperative one has no cause when it could not join anew: then no
// commit of its generation arrives either.
func isForgotten(cause error) bool {
	return isAny(cause, sarama.ErrUnknownMemberId, sarama.ErrIllegalGeneration, sarama.ErrFencedInstancedId, context.Canceled)
}

// deliver gives messages to the lane as they come, whatever the channel holds at
// once.
func deliver(ctx context.Context, messages <-chan *sarama.ConsumerMessage, c *claim, lane *engine.Lane) {
	var batch []message.Message
	for {
		isSuspect := false
		select {
		case <-ctx.Done():
			return
		case <-c.suspect:
			isSuspect = true // what was fetched before comes first
		case m, ok := <-messages:
			if !ok {
				return
			}
			batch = append(batch, newMessage(m))
		}
		for range len(messages) { // nobody else receives from it
			batch = append(batch, newMessage(<-messages))
		}
		if len(batch) > 0 {
			c.delivered.Store(batch[len(batch)-1].Offset + 1)
			lane.Deliver(batch)
		}
		clear(batch) // the engine has its own copies
		batch = batch[:0]
		if isSuspect && c.fetchAlone(ctx, messages, lane) {
			return
		}
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

// suspect makes a claim look for itself why a fetch failed for it. Sarama's fails for all
// partitions of a broker when one batch in it cannot be decoded.
func (s *session) suspect(at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.claims[at]; c != nil && len(c.suspect) == 0 {
		c.suspect <- struct{}{} // nobody else sends
	}
}

func (s *session) removeClaim(c *claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claims, c.place) // sarama begins none in its place before
	s.active.Done()
}

// errUnanswered is a commit of which nobody knows what became of it.
var errUnanswered = errors.New("the commit was not answered")

// commit commits the marks of all claims and returns nil once the broker has said
// so of each, or of own if that is not nil. Sarama's own commits say nothing, and
// wait behind its fetches. A session that goes on while its group rebalances cannot
// commit until it has joined anew; what no attempt can commit is permanent.
func (s *session) commit(ctx context.Context, own *claim) error {
	if err := s.commits.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("%w: an earlier one still waits: %w", errUnanswered, err)
	}
	defer s.commits.Release(1)
	defer time.AfterFunc(noticeDelay, func() {
		s.consumer.log.Info("waiting", "for", "a commit, which the group refuses while it rebalances, or which is not answered")
	}).Stop()
	for {
		request, claims := s.newCommit()
		if len(claims) == 0 || own != nil && claims[own.place] == nil {
			return nil
		}
		response, err := request.RequestWith(ctx, s.kafka)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnanswered, err)
		}
		var refused error
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				c, err := claims[place{t.Topic, p.Partition}], kerr.ErrorForCode(p.ErrorCode)
				switch {
				case c == nil: // not asked for
				case err == nil:
					c.committed = c.requested
				case c.committed < 0 && errors.Is(err, kerr.TopicAuthorizationFailed): // it is not read either
				case own == nil || own == c:
					refused = fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, err)
				}
			}
		}
		old, ended := errors.Is(refused, kerr.IllegalGeneration), s.sarama.Context().Err() != nil
		switch {
		case refused == nil:
			return nil
		case isAny(refused, kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.UnknownTopicOrPartition), old && ended:
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
		if c.requested = c.next.Load(); c.requested != c.committed && !c.isLost.Load() {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.Metadata = c.partition, c.requested, &c.metadata
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
