package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicIDPrefix begins the metadata of a commit, which says of which topic the offset
// is: one that is deleted and made anew has the same name and another id.
const topicIDPrefix = "topic-id="

// Why a session is ended.
var (
	errMoved    = errors.New("a partition begins elsewhere")
	errMadeAnew = errors.New("a topic was deleted and made anew")
)

// setPositions sets where assigned partitions begin, as far as their leaders answer,
// and commits that where the group has no offset that counts: it might begin elsewhere
// after a crash.
func (s *session) setPositions(assigned map[string][]int32) error {
	if len(assigned) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.sarama.Context(), askTimeout)
	defer cancel()
	topics := slices.Collect(maps.Keys(assigned))
	var found kadm.TopicDetails
	var starts, ends kadm.ListedOffsets
	var all sync.WaitGroup
	all.Go(func() { found, _ = s.admin.ListTopics(ctx, topics...) })
	all.Go(func() { starts, _ = s.admin.ListStartOffsets(ctx, topics...) })
	all.Go(func() { ends, _ = s.admin.ListEndOffsets(ctx, topics...) })
	offsets, err := fetchOffsets(ctx, s.admin, s.consumer.cfg.GroupID)
	all.Wait()
	if err != nil {
		return err
	}
	s.consumer.noteTopics(s.connection, found)
	for topic, partitions := range assigned {
		for _, p := range partitions {
			start, ok := starts.Lookup(topic, p)
			end, alsoOK := ends.Lookup(topic, p)
			if ok && alsoOK && start.Err == nil && end.Err == nil {
				committed, ok := offsets.Lookup(topic, p)
				if ok && committed.Err != nil {
					continue
				} else if !ok {
					committed.At = -1
				}
				s.setPosition(place{topic, p}, committed.Offset, start.Offset, end.Offset)
			}
		}
	}
	return s.commit(ctx, nil)
}

// fetchOffsets returns what the group has committed.
func fetchOffsets(ctx context.Context, admin *kadm.Client, group string) (kadm.OffsetResponses, error) {
	offsets, err := admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // it is new
		return nil, fmt.Errorf("ask for the group's offsets: %w", err)
	}
	return offsets, nil
}

// setPosition sets where a partition begins: at the group's offset, if its log has that.
// Otherwise at the log's start, whatever the policy, because the group has not seen what
// is there; where the topic ended at first only if the policy says so and it was new to the
// group.
func (s *session) setPosition(at place, committed kadm.Offset, start, end int64) {
	log := s.consumer.log.With("topic", at.topic, "partition", at.partition, "committed", committed.At, "log_start", start, "log_end", end)
	c, position := newClaim(s, at, -1), start
	if c.id = s.lastSeen(at.topic).ID; c.id != (kadm.TopicID{}) {
		c.metadata = topicIDPrefix + c.id.String()
	}
	switch {
	case committed.At < 0:
		position = max(start, s.consumer.firstEnd(at))
	case c.metadata != "" && c.metadata != committed.Metadata && strings.HasPrefix(committed.Metadata, topicIDPrefix):
		log.Error("topic was made anew, reading it from its start")
	case committed.At < start:
		log.Warn("committed offset out of range", "cause", "records were deleted before they were handled", "deleted", start-committed.At)
	case committed.At > end:
		log.Warn("committed offset out of range", "cause", "the log ends before it: the cluster lost records, or the topic is a new one")
	default:
		position, c.committed = committed.At, committed.At
	}
	c.end.Store(end)
	c.next.Store(position)
	s.sarama.MarkOffset(at.topic, at.partition, position, "")  // moves up only, and
	s.sarama.ResetOffset(at.topic, at.partition, position, "") // down only
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[at] = c
}

// beginClaim returns the claim of a partition that sarama begins to read, nil when the
// session has ended: for one, because it should begin at another offset.
func (s *session) beginClaim(source sarama.ConsumerGroupClaim) *claim {
	at := place{source.Topic(), source.Partition()}
	s.mu.Lock()
	c := s.claims[at]
	s.mu.Unlock()
	if c == nil { // assigned in the course of the session, or its leader did not answer
		if err := s.setPositions(map[string][]int32{at.topic: {at.partition}}); err != nil {
			s.consumer.log.Warn("where a partition begins is not committed yet", "topic", at.topic, "partition", at.partition, "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	begins := source.InitialOffset()
	if c = s.claims[at]; c == nil {
		c = newClaim(s, at, begins)
		c.next.Store(begins)
		s.claims[at] = c
	}
	if begins >= 0 && begins != c.next.Load() {
		s.end(errMoved)
	}
	if s.sarama.Context().Err() != nil {
		return nil
	}
	c.delivered.Store(c.next.Load())
	c.hasBegun = true
	s.active.Add(1)
	return c
}

// skipGaps moves the claims that have nothing to do over what is no message and lies
// before them: markers and aborted records of transactions, and what compaction left.
// The group would never reach the end of the log otherwise. A message is looked
// at once, and only where nothing came since the last time: it is fetched for nothing.
func (s *session) skipGaps(ctx context.Context, claims []*claim) {
	for _, c := range claims {
		next := c.next.Load()
		if next < 0 || next < c.delivered.Load() || next >= c.end.Load() || s.consumer.health.isFailing(c.place) {
			continue
		}
		if c.seen.Swap(next) != next || c.occupied.Load() == next {
			continue
		}
		position, bytes := next, int32(1) // of the first batch, which comes whole
		for {
			to, isMessage, err := s.nextMessage(ctx, c, position, bytes)
			if isMessage {
				c.occupied.Store(to)
			}
			if err != nil || to <= position {
				break
			}
			position, bytes = to, fetchSize
		}
		c.next.CompareAndSwap(next, position) // unless something was done meanwhile, which lies behind
	}
	_ = s.commit(ctx, nil) // what fails is in the next commit
}

// nextMessage is findMessage in a claim's partition.
func (s *session) nextMessage(ctx context.Context, c *claim, offset int64, bytes int32) (next int64, isMessage bool, err error) {
	leader := s.lastSeen(c.topic).Partitions[c.partition].Leader
	from := kgo.ProcessFetchPartitionOpts{Topic: c.topic, Partition: c.partition, Offset: offset, IsolationLevel: isolation(s.consumer.cfg)}
	return findMessage(ctx, s.kafka, leader, c.id, from, bytes)
}

// isFailing reports whether a partition is not consumed.
func (h *health) isFailing(at place) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.parts[at.String()] != nil
}
