package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// channel is a claim of a queue, which takes each message by itself, and the place
// where its dead letters go.
type channel struct {
	mu     sync.Mutex
	done   map[int64]bool // handled, or its dead letter acknowledged
	acked  map[int64]bool
	over   bool
	refuse int // dead letters
	broken []string
}

func (c *channel) Mark(int64)                   {}
func (c *channel) Commit(context.Context) error { return nil }
func (c *channel) Pause()                       {}
func (c *channel) Resume()                      {}

// Ack implements Acker.
func (c *channel) Ack(offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || !c.done[offset] || c.acked[offset] {
		c.broken = append(c.broken, fmt.Sprintf("%d acknowledged: lane lost %v, done %v, before %v", offset, c.over, c.done[offset], c.acked[offset]))
	}
	c.acked[offset] = true
}

// DeadLetter implements DeadLetters.
func (c *channel) DeadLetter(_ context.Context, m *message.Message, _ Failure) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse--; c.refuse >= 0 {
		return errors.New("refused")
	}
	c.done[m.Offset] = true
	return nil
}

// handle does what the message's value says.
func (c *channel) handle(ctx context.Context, m *message.Message) error {
	if err := spend(ctx, time.Duration(m.Offset%7)*time.Millisecond); err != nil {
		return err
	}
	switch {
	case string(m.Value) == "never":
		return message.Permanent(errors.New("never"))
	case string(m.Value) == "later" && m.Attempt < 3:
		return message.Retry(errors.New("later"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[m.Offset] = true
	return nil
}

// What a queue gets is one word about each message that is done, whatever was before
// it, and nothing once its lane is lost. One that waits holds up no other.
func TestAQueueIsToldOfEachMessageOnceItIsDone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "later", "never"}), 1, 200).Draw(r, "values")
		lost := rapid.IntRange(0, 40).Draw(r, "lost after, in ms")
		c := &channel{done: map[int64]bool{}, acked: map[int64]bool{}, refuse: rapid.IntRange(0, 5).Draw(r, "refused")}
		synctest.Test(t, func(*testing.T) {
			cfg := Config{
				Engine: config.Engine{Ordering: OrderKey, MaxWorkers: 8, ErrorPolicy: PolicyDeadLetter, MaxPollRecords: 1000, MaxBufferBytes: 1 << 30, CommitInterval: time.Second, DrainTimeout: time.Second},
				Retry:  message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 5, Delay: 50 * time.Millisecond, MaxDelay: time.Second}, MaxUncommitted: 10, CommitRecords: 100,
			}
			e := New(cfg, message.HandlerFunc(c.handle), c, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
			lane := e.Assign(c)
			var batch []message.Message
			for i, v := range values {
				batch = append(batch, message.Message{Topic: "t", Offset: int64(i), Key: fmt.Append(nil, i%20), Value: []byte(v)})
			}
			lane.Deliver(batch)
			if lost > 0 {
				time.Sleep(time.Duration(lost) * time.Millisecond)
				lane.Lose()
				c.mu.Lock()
				c.over = true
				c.mu.Unlock()
			}
			time.Sleep(time.Hour)
			if err := lane.Drain(context.Background()); err != nil {
				r.Error(err)
			}
		})
		if len(c.broken) > 0 || lost == 0 && len(c.acked) != len(values) {
			r.Fatalf("%d of %d acknowledged; %v", len(c.acked), len(values), c.broken)
		}
	})
}

// One message that waits, however long, does not stop a queue that all others of leave.
func TestAQueueIsNotPausedForOneThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxPollRecords, cfg.MaxUncommitted = 1000, 100
		c := &channel{done: map[int64]bool{}, acked: map[int64]bool{}}
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.done[m.Offset] = m.Offset > 0; !c.done[0] && m.Offset == 0 {
				return message.RetryAfter(time.Hour, errTest)
			}
			return nil
		})
		l := b.Assign(c)
		l.Deliver(batch(0, 50, "a", "b", "c"))
		for i := range 10 {
			l.Deliver(batch(int64(51+50*i), 50, "b", "c"))
		}
		elapse(time.Minute)
		if s := b.Stats(); s.Paused != 0 || s.Records > 20 {
			t.Errorf("%d messages are left, %d lanes paused", s.Records, s.Paused)
		}
		l.Lose()
		elapse(2 * time.Hour)
	})
}
