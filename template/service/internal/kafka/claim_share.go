package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// shareClaim is what a session has of one partition, as the engine sees it.
type shareClaim struct {
	session *shareSession
	place
	lane *engine.Lane

	// Guarded by session.mu.
	held map[int64]*heldRecord // what is not done, by offset
	done []int64               // what is done and not accepted
}

// heldRecord is a record of which the group awaits word.
type heldRecord struct {
	*kgo.Record
	until time.Time // its lock lasts
}

// errUnaccepted is of what was accepted, and of which no broker has said that it knows.
var errUnaccepted = errors.New("no broker has confirmed what was accepted")

var errLockLost = errors.New("it was not done before its lock ended, which could not be renewed")

// hold notes a record that has arrived, and returns false if the claim has it: its first
// lock was lost, and who works on it goes on with this one.
func (c *shareClaim) hold(r *kgo.Record) bool {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	until := r.AcquisitionDeadline()
	s.lock = max(time.Until(until), minLock)
	if h := c.held[r.Offset]; h != nil {
		h.Record, h.until = r, until
		return false
	}
	c.held[r.Offset] = &heldRecord{r, until}
	return true
}

// deliveries returns how often the group has delivered a message that is not done, 0 if
// that is not known.
func (s *shareSession) deliveries(m *message.Message) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.claims[place{m.Topic, m.Partition}]; c != nil && c.held[m.Offset] != nil {
		return c.held[m.Offset].DeliveryCount()
	}
	return 0
}

// Mark implements engine.Claim.
func (c *shareClaim) Mark(int64) {}

// Ack implements engine.Acker.
func (c *shareClaim) Ack(offset int64) {
	s := c.session
	s.mu.Lock()
	c.done = append(c.done, offset)
	s.mu.Unlock()
	select {
	case s.isDone <- struct{}{}:
	default:
	}
}

// Commit implements engine.Claim.
func (c *shareClaim) Commit(ctx context.Context) error { return c.session.commit(ctx, c) }

// Pause implements engine.Claim.
func (c *shareClaim) Pause() {
	c.session.client.PauseFetchPartitions(map[string][]int32{c.topic: {c.partition}})
}

// Resume implements engine.Claim.
func (c *shareClaim) Resume() {
	c.session.client.ResumeFetchPartitions(map[string][]int32{c.topic: {c.partition}})
}

// keepAccepting accepts what is done, until ctx ends. The client tells the broker with its
// next fetch, or within a second.
func (s *shareSession) keepAccepting(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.isDone:
		}
		if s.acking.Acquire(ctx, 1) == nil {
			s.accept()
			s.acking.Release(1)
		}
	}
}

// accept gives the client what is done. What has lost its lock is not the client's to
// accept: the broker would refuse all that is said of the partition with it.
func (s *shareSession) accept() {
	var done []*kgo.Record
	s.mu.Lock()
	for _, c := range s.claims {
		for _, offset := range c.done {
			h := c.held[offset]
			delete(c.held, offset)
			if h != nil && time.Now().Before(h.until) {
				done = append(done, h.Record)
			} else {
				s.refused[c.place] = errLockLost
			}
		}
		c.done = c.done[:0]
	}
	s.mu.Unlock()
	if len(done) > 0 { // none would be all of the last poll
		s.client.MarkAcks(kgo.AckAccept, done...)
	}
}

// note notes what the broker refused.
func (s *shareSession) note(results kgo.ShareAckResults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range results {
		if r.Err != nil {
			s.refused[place{r.Topic, r.Partition}] = r.Err
		}
	}
}

// commit accepts what is done and waits for what the broker says of that, and of what was
// accepted since the last time: in all partitions, or in that of own if it is not nil.
// What it refused it delivers again.
func (s *shareSession) commit(ctx context.Context, own *shareClaim) error {
	if err := s.acking.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("accept: the locks are being renewed: %w", err)
	}
	defer s.acking.Release(1)
	s.accept()
	if err := s.client.FlushAcks(ctx); err != nil {
		return fmt.Errorf("%w: %w", errUnaccepted, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for at, err := range s.refused {
		if own == nil || at == own.place {
			errs = append(errs, fmt.Errorf("%s: what was accepted is refused, and delivered again: %w", at, err))
			delete(s.refused, at)
		}
	}
	if len(errs) > 0 {
		return message.Permanent(errors.Join(errs...))
	}
	return nil
}

// keepRenewing renews the locks of what is held, until ctx ends: often enough to fail
// once, or twice.
func (s *shareSession) keepRenewing(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		pause := s.lock / 3
		s.mu.Unlock()
		sleep(ctx, pause)
		if s.acking.Acquire(ctx, 1) != nil {
			return
		}
		renewing, cancel := context.WithTimeout(ctx, pause)
		s.renew(renewing)
		cancel()
		s.acking.Release(1)
	}
}

// renew renews the locks that are not new. Nothing else is on its way to the broker
// meanwhile: the client would mistake one word about a message for the other.
func (s *shareSession) renew(ctx context.Context) {
	s.accept()
	if s.client.FlushAcks(ctx) != nil {
		return
	}
	due := s.due()
	for range 2 { // the client leaves out in the second what it refuses itself, since the connection is another
		if len(due) == 0 {
			return
		}
		var records []*kgo.Record
		s.mu.Lock()
		for _, h := range due {
			records = append(records, h.Record)
		}
		s.mu.Unlock()
		accepted := s.swapRefused(map[place]error{})
		began := time.Now()
		s.client.MarkAcks(kgo.AckRenew, records...)
		err := s.client.FlushAcks(ctx)
		refused := s.swapRefused(accepted)
		if err != nil {
			return
		}
		for at, why := range refused {
			s.consumer.log.Warn("locks were not renewed, messages may be delivered twice", "topic", at.topic, "partition", at.partition, "error", why)
		}
		due = s.noteRenewed(due, refused, began)
	}
}

// due returns what is held and has a lock that is not new, and not over.
func (s *shareSession) due() (due []*heldRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.claims {
		for _, h := range c.held {
			if left := time.Until(h.until); left > 0 && left < s.lock*5/6 {
				due = append(due, h)
			}
		}
	}
	return due
}

// noteRenewed notes which locks are new since began, and returns what is due still.
func (s *shareSession) noteRenewed(due []*heldRecord, refused map[place]error, began time.Time) []*heldRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(due, func(h *heldRecord) bool {
		isNew := refused[place{h.Topic, h.Partition}] == nil
		if isNew {
			h.until = began.Add(s.lock)
		}
		return isNew
	})
}

// swapRefused sets what was refused and returns what that was before.
func (s *shareSession) swapRefused(refused map[place]error) map[place]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.refused
	s.refused = refused
	return before
}
