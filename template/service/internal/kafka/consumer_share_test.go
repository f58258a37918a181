package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// times counts how often each payment was handled.
type times struct {
	mu     sync.Mutex
	counts map[int]int
}

func (h *times) add(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts == nil {
		h.counts = map[int]int{}
	}
	h.counts[n]++
}

// notOnce returns the payments that were not handled once.
func (h *times) notOnce(from, to int) (wrong []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := from; n < to; n++ {
		if h.counts[n] != 1 {
			wrong = append(wrong, fmt.Sprintf("%d: %d times", n, h.counts[n]))
		}
	}
	return wrong
}

func TestAShareGroupHandlesAndDeadLettersAll(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(3))
	values := envelopes(t, 0, 30)
	values[7] = []byte("not an envelope")
	for p := range int32(3) {
		produce(t, c, p, values...)
	}
	r := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 20 {
			return message.Permanent(errors.New("twenty is too much"))
		}
		return nil
	})
	r.await(t, engine.Handled, 84)
	r.await(t, engine.DeadLettered, 6)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	readAll(t, c, "payments.dlq", 6)
	again := share(t, settings(t, c), succeed)
	produce(t, c, 0, envelopes(t, 30, 31)...)
	again.await(t, engine.Handled, 1)
	again.mu.Lock()
	defer again.mu.Unlock()
	if want := []string{"payments/0@30"}; !slices.Equal(again.places, want) {
		t.Errorf("delivered again: %v, want %v", again.places, want)
	}
}

func TestMessagesOfAKeyRunInTheirOrderHere(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	client := newClient(t, c)
	for n, v := range envelopes(t, 0, 60) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments", Key: fmt.Appendf(nil, "%d", n%3), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	last, failed := map[int]int{0: -3, 1: -2, 2: -1}, false
	r := share(t, settings(t, c, "ORDERING", "key", "RETRY_DELAY", "10ms"), func(_ context.Context, m message.Of[payment]) error {
		mu.Lock()
		defer mu.Unlock()
		if m.Body.N == 30 && !failed {
			failed = true
			return message.Retry(errors.New("later"))
		}
		if key := m.Body.N % 3; m.Body.N != last[key]+3 {
			t.Errorf("%d comes after %d", m.Body.N, last[key])
		}
		last[m.Body.N%3] = m.Body.N
		return nil
	})
	r.await(t, engine.Handled, 60)
}

func TestASlowPartitionHoldsUpNoOtherOfAShareGroup(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(2)), make(chan struct{})
	values := envelopes(t, 0, 40)
	produce(t, c, 0, values...)
	r := share(t, settings(t, c, "MAX_POLL_RECORDS", "10", "MAX_WORKERS", "100"), func(ctx context.Context, m message.Of[payment]) error {
		if m.Partition == 0 {
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	eventually(t, "the slow one is paused", func() bool { return r.Stats().Paused == 1 && r.Stats().Records == 40 })
	for n := range 3 {
		produce(t, c, 0, values...)
		produce(t, c, 1, values...)
		eventually(t, "the other goes on", func() bool { return r.handledOf(1) == 40*(n+1) })
	}
	if n := r.Stats().Records; n > 80 {
		t.Errorf("%d messages are held, want the 40 from before the pause, and a fetch that was under way", n)
	}
	close(gate)
	r.await(t, engine.Handled, 280) // it goes on itself
}

func TestAShareGroupBeginsWhereTheSettingsSay(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]int{"earliest": 0, "latest": 5} {
		c := startCluster(t, topicOf(1))
		produce(t, c, 0, envelopes(t, 0, 5)...)
		var first atomic.Int64
		first.Store(-1)
		r := share(t, settings(t, c, "KAFKA_AUTO_OFFSET_RESET", policy, "ORDERING", "partition"), func(_ context.Context, m message.Of[payment]) error {
			first.CompareAndSwap(-1, int64(m.Body.N))
			return nil
		})
		eventually(t, "the group has its partition", func() bool { return lagOf(t, c) >= 0 })
		produce(t, c, 0, envelopes(t, 5, 6)...)
		eventually(t, "a message", func() bool { return first.Load() >= 0 })
		if first.Load() != int64(want) {
			t.Errorf("with %s it begins with message %d, want %d", policy, first.Load(), want)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}
