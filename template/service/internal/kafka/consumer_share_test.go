package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// shortLock has the broker take a message back after two seconds.
var shortLock = kfake.BrokerConfigs(map[string]string{"group.share.record.lock.duration.ms": "2000", "share.record.lock.sweep.interval.ms": "100"})

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

// lagOf returns what the group has not done, by partition.
func (r *sharing) lagOf(partition int32) (lag int64) {
	lag = -1
	lags, _ := shareLags(context.Background(), r.session.Load().requests, r.cfg, []string{"payments"})
	for _, l := range lags {
		if l.partition == partition {
			lag = l.lag
		}
	}
	return lag
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
	again.seen.mu.Lock()
	defer again.seen.mu.Unlock()
	if want := []string{"payments/0@30"}; !slices.Equal(again.places, want) {
		t.Errorf("delivered again: %v, want %v", again.places, want)
	}
}

// The client would accept with each poll what came with the one before.
func TestWhatIsNotDoneIsNotAccepted(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(1)), make(chan struct{})
	produce(t, c, 0, envelopes(t, 0, 3)...)
	first := share(t, settings(t, c, "ORDERING", "none", "DRAIN_TIMEOUT", "100ms"), func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 {
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	first.await(t, engine.Handled, 2)
	for n := 3; n < 8; n++ { // each is a poll of its own
		produce(t, c, 0, envelopes(t, n, n+1)...)
		first.await(t, engine.Handled, n)
	}
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	second := share(t, settings(t, c), succeed)
	second.await(t, engine.Handled, 1)
	second.seen.mu.Lock()
	defer second.seen.mu.Unlock()
	if want := []string{"payments/0@0"}; !slices.Equal(second.places, want) {
		t.Errorf("delivered to the next: %v, want %v", second.places, want)
	}
}

func TestALockIsRenewedWhileItsMessageWaits(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(1), shortLock), make(chan struct{})
	produce(t, c, 0, envelopes(t, 0, 5)...)
	var handled times
	first := share(t, settings(t, c, "ORDERING", "none"), func(_ context.Context, m message.Of[payment]) error {
		handled.add(m.Body.N)
		if m.Body.N == 0 {
			<-gate
		}
		return nil
	})
	first.await(t, engine.Handled, 4)
	second := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error { handled.add(m.Body.N); return nil })
	eventually(t, "the second consumes", func() bool { return second.Ready() == nil })
	began := time.Now()
	eventually(t, "the lock would be over", func() bool { return time.Since(began) > 5*time.Second })
	close(gate)
	first.await(t, engine.Handled, 5)
	if err := first.commit(t.Context()); err != nil {
		t.Errorf("what was done late is refused: %v", err)
	}
	if wrong := handled.notOnce(0, 5); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
}
