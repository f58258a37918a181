package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
)

// claim is one partition's assignment, as the engine sees it.
type claim struct {
	session   *session
	sarama    sarama.ConsumerGroupSession
	topic     string
	partition int32
	initial   int64 // what the group had committed, or less than 0
	started   bool  // a first message was delivered

	mu   sync.Mutex
	next int64 // what the group is to read next by the claim's marks, 0 before the first
}

// startAt notes the first delivered offset. When it lies below the committed
// one, because that was out of range, sarama would ignore all marks below the
// committed offset, so it is reset first.
func (c *claim) startAt(first int64) {
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
	c.next = offset + 1
}

func (c *claim) nextOffset() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// Pause implements engine.Pauser.
func (c *claim) Pause() { c.session.group.Pause(map[string][]int32{c.topic: {c.partition}}) }

// Resume implements engine.Pauser.
func (c *claim) Resume() { c.session.group.Resume(map[string][]int32{c.topic: {c.partition}}) }

// Commit implements engine.Claim.
func (c *claim) Commit(ctx context.Context) error { return c.session.commit(ctx, []*claim{c}) }

// source is the consumer as the engine sees it.
type source Consumer

// errNoSession is what the engine gets when it commits between sessions. Claims
// have committed when they ended, so it is a commit called off, no failure.
var errNoSession = fmt.Errorf("not a member of the group at present: %w", context.Canceled)

// Commit implements engine.Source.
func (s *source) Commit(ctx context.Context) error {
	current := s.session.Load()
	if current == nil {
		return errNoSession
	}
	return current.commit(ctx, current.liveClaims())
}

// commit commits the marks of all claims and makes sure of those of the given
// ones: sarama does not say whether a commit reached the broker, so they are
// read back.
func (s *session) commit(ctx context.Context, claims []*claim) error {
	want := make(map[*claim]int64, len(claims))
	for _, c := range claims {
		if next := c.nextOffset(); next > 0 {
			want[c] = next
		}
	}
	if len(want) == 0 {
		return nil
	}
	if err := within(ctx, func() error { s.sarama.Commit(); return nil }); err != nil {
		return err
	}
	got, err := s.admin.FetchOffsets(ctx, s.consumer.cfg.GroupID)
	if err != nil {
		return fmt.Errorf("read back the committed offsets: %w", err)
	}
	for c, next := range want {
		if !c.isCommitted(got, next) {
			return fmt.Errorf("the commit of %s/%d up to %d did not arrive", c.topic, c.partition, next)
		}
	}
	return nil
}

// isCommitted reports whether the group's offsets show a commit of at least next.
// One beyond the claim's last mark is from before the claim went back to a lower
// offset, and the commit was lost.
func (c *claim) isCommitted(got kadm.OffsetResponses, next int64) bool {
	o, ok := got.Lookup(c.topic, c.partition)
	return ok && o.Err == nil && next <= o.At && o.At <= c.nextOffset()
}

// offsetTimeout bounds how long a claim waits for an answer that is only for the
// log.
const offsetTimeout = 10 * time.Second

// warnOffsetOutOfRange logs when a claim begins elsewhere than where the group had
// committed, because the log no longer has that offset: records were deleted
// before they were read, or the cluster lost records that it had acknowledged.
// Sarama jumps silently. It is called before the claim's first mark.
func (c *claim) warnOffsetOutOfRange() {
	if c.initial >= 0 {
		return // it begins where it should
	}
	ctx, cancel := context.WithTimeout(c.sarama.Context(), offsetTimeout)
	defer cancel()
	admin := c.session.admin
	offsets, err := admin.FetchOffsets(ctx, c.session.consumer.cfg.GroupID)
	committed, ok := offsets.Lookup(c.topic, c.partition)
	if err != nil || !ok || committed.At < 0 {
		return // not known, or the group's first time
	}
	starts, _ := admin.ListStartOffsets(ctx, c.topic)
	ends, _ := admin.ListEndOffsets(ctx, c.topic)
	start, hasStart := starts.Lookup(c.topic, c.partition)
	end, hasEnd := ends.Lookup(c.topic, c.partition)
	if !hasStart || !hasEnd {
		return
	}
	text := "committed offset out of range: the log ends before it, the cluster lost records or the topic is a new one"
	if committed.At < start.Offset {
		text = "committed offset out of range: records were deleted before they were handled"
	}
	c.session.consumer.log.Warn(text, "topic", c.topic, "partition", c.partition,
		"committed", committed.At, "log_start", start.Offset, "log_end", end.Offset, "deleted", max(0, start.Offset-committed.At))
}
