package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestWhatIsNoMessageIsNoLag: markers of transactions, and what was aborted.
func TestWhatIsNoMessageIsNoLag(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"read_committed", "read_uncommitted"} {
		for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			t.Run(fmt.Sprintf("%s, committed %v", isolation, end), func(t *testing.T) {
				t.Parallel()
				c := startCluster(t, topicOf(1))
				cfg := settings(t, c, "KAFKA_ISOLATION_LEVEL", isolation)
				produce(t, c, 0, envelopes(t, 0, 5)...)
				transact(t, c, "t", end, envelopes(t, 5, 10)...)
				r := consume(t, cfg, succeed, "payments")
				r.await(t, engine.Handled, 5)
				eventually(t, "the lag is 0", func() bool { return committed(t, c, 0) == c.PartitionInfo("payments", 0).HighWatermark })
				transact(t, c, "t", end, envelopes(t, 10, 12)...)
				eventually(t, "the lag is 0 again", func() bool { return committed(t, c, 0) == c.PartitionInfo("payments", 0).HighWatermark })
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				transact(t, c, "t", end, envelopes(t, 12, 13)...)
				consume(t, cfg, succeed, "payments")
				eventually(t, "the lag is 0 after a restart", func() bool { return committed(t, c, 0) == c.PartitionInfo("payments", 0).HighWatermark })
			})
		}
	}
}

// TestWhatCompactionLeftIsNoLag: a tombstone was the last message.
func TestWhatCompactionLeftIsNoLag(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	if err := c.CreateTopic("payments", 1, map[string]string{cleanupPolicy: "compact", "delete.retention.ms": "0"}); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, append(envelopes(t, 0, 3), nil)...)
	transact(t, c, "t", kgo.TryAbort, envelopes(t, 3, 4)...) // the last batch is not compacted
	c.Compact()
	r := consume(t, settings(t, c, "KAFKA_ISOLATION_LEVEL", "read_committed"), succeed, "payments")
	r.await(t, engine.Handled, 3)
	eventually(t, "the lag is 0", func() bool { return committed(t, c, 0) == 6 })
}

// TestAMessageThatCompactionTookAwayIsStillToBeDone: it is not in the log any more, but
// it was delivered.
func TestAMessageThatCompactionTookAwayIsStillToBeDone(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	if err := c.CreateTopic("payments", 1, map[string]string{cleanupPolicy: "compact"}); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	r := consume(t, settings(t, c, "COMMIT_INTERVAL", "10ms"), func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N > 0 {
			<-release
		}
		return nil
	}, "payments")
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	client := newClient(t, c)
	for n, v := range envelopes(t, 0, 4) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments", Key: fmt.Append(nil, min(n, 1)), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r.await(t, engine.Handled, 1)
	eventually(t, "the others are delivered", func() bool { return r.Stats().Records == 3 && committed(t, c, 0) == 1 })
	c.Compact()
	s := r.session.Load()
	claims := liveClaims(s)
	if to, _, err := s.nextMessage(t.Context(), claims[0], 1, fetchSize); err != nil || to != 2 {
		t.Fatalf("the first message of the log is at %d, %v", to, err)
	}
	s.noteEnds(t.Context(), claims)
	s.skipGaps(t.Context(), claims)
	s.skipGaps(t.Context(), claims) // only the second time it looks
	if got := committed(t, c, 0); got != 1 {
		t.Errorf("committed %d, though the message at 1 is not done", got)
	}
	free()
	eventually(t, "all is committed", func() bool { return committed(t, c, 0) == 4 })
}

// TestAMessageIsLookedAtOnce: who looks for gaps takes nothing of a quota from a
// partition whose messages it holds back. The session's own topic has none.
func TestAMessageIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "payments", "refunds"))
	var looks atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		if fetch, ok := kreq.(*kmsg.FetchRequest); ok && len(fetch.Topics) == 1 && fetch.Topics[0].Partitions[0].PartitionMaxBytes == 1 {
			looks.Add(1)
		}
		return nil, nil, false
	})
	produce(t, c, 0, envelopes(t, 0, 3)...)
	r := consume(t, settings(t, c), succeed, "refunds")
	eventually(t, "a session", func() bool { return r.session.Load() != nil })
	s := r.session.Load()
	found, err := connectAdmin(t, c).ListTopics(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	r.noteTopics(s.connection, found)
	held := newClaim(s, place{"payments", 0}, -1)
	held.id = found["payments"].ID
	held.end.Store(3)
	for range 5 {
		s.skipGaps(t.Context(), []*claim{held})
	}
	if n, next := looks.Load(), held.next.Load(); n != 1 || next != 0 {
		t.Errorf("the message was fetched %d times by who looks for gaps, want 1, and the claim is at %d", n, next)
	}
}

// TestNoMessageIsPassedOver: whatever the offset from which the log is looked at.
func TestNoMessageIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, isolation := range []string{"read_committed", "read_uncommitted"} {
		c := startCluster(t, topicOf(1))
		r := consume(t, settings(t, c, "KAFKA_ISOLATION_LEVEL", isolation), succeed, "payments")
		eventually(t, "ready", func() bool { return r.Ready() == nil })
		for i := range 12 {
			switch i % 4 {
			case 0, 2:
				transact(t, c, "t", kgo.TransactionEndTry(i%4 == 0), envelopes(t, 0, 1+i%3)...)
			default:
				produce(t, c, 0, envelopes(t, 0, 1+i%2)...)
			}
		}
		end := c.PartitionInfo("payments", 0).HighWatermark
		eventually(t, "the lag is 0", func() bool { return committed(t, c, 0) == end })
		s := r.session.Load()
		next := end
		for offset := end - 1; offset >= 0; offset-- {
			r.seen.mu.Lock()
			if slices.Contains(r.places, fmt.Sprintf("payments/0@%d", offset)) {
				next = offset
			}
			r.seen.mu.Unlock()
			if to, _, err := s.nextMessage(t.Context(), liveClaims(s)[0], offset, fetchSize); err != nil || to != next {
				t.Errorf("%s: from %d on the next message is at %d, %v, want %d of %d", isolation, offset, to, err, next, end)
			}
		}
	}
}

// TestNothingIsCommittedPastAMessageThatIsNotDone: some wait, among markers and aborted
// records, and new ones come all the time.
func TestNothingIsCommittedPastAMessageThatIsNotDone(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	var waits atomic.Int64 // the offset of the message that is not done, plus one
	release := make(chan struct{})
	cfg := settings(t, c, "KAFKA_ISOLATION_LEVEL", "read_committed", "COMMIT_INTERVAL", "10ms")
	r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 7 {
			waits.Store(m.Offset + 1)
			<-release
		}
		return nil
	}, "payments")
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	transact(t, c, "t", kgo.TryCommit, envelopes(t, 0, 2)...)
	transact(t, c, "t", kgo.TryAbort, envelopes(t, 100, 102)...)
	r.await(t, engine.Handled, 2)
	eventually(t, "the lag is 0", func() bool { return committed(t, c, 0) == c.PartitionInfo("payments", 0).HighWatermark })
	transact(t, c, "t", kgo.TryCommit, envelopes(t, 7, 8)...)
	eventually(t, "the message runs", func() bool { return waits.Load() > 0 })
	for i := range 20 {
		transact(t, c, "t", kgo.TransactionEndTry(i%2 == 0), envelopes(t, 200+i, 201+i)...)
		ctx, cancel := context.WithTimeout(t.Context(), probeInterval/10)
		_ = r.session.Load().commit(ctx, nil)
		r.session.Load().noteEnds(ctx, liveClaims(r.session.Load()))
		r.session.Load().skipGaps(ctx, liveClaims(r.session.Load()))
		cancel()
		if got := committed(t, c, 0); got >= waits.Load() {
			t.Fatalf("committed %d, though the message at %d is not done", got, waits.Load()-1)
		}
	}
	free()
	eventually(t, "the lag is 0 at the end", func() bool { return committed(t, c, 0) == c.PartitionInfo("payments", 0).HighWatermark })
}
