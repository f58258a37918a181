package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// batchHandler wants batches and notes what it got.
type batchHandler struct {
	message.HandlerFunc
	batch message.Batch
	mu    sync.Mutex
	got   [][]int64
	times []time.Time
}

func (h *batchHandler) Batch(string) message.Batch { return h.batch }

func (h *batchHandler) HandleBatch(_ context.Context, batch []*message.Message) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcomes := make([]error, len(batch))
	var offsets []int64
	for i, m := range batch {
		offsets = append(offsets, m.Offset)
		if string(m.Key) == "bad" {
			outcomes[i] = message.Permanent(errors.New("bad row"))
		}
	}
	h.got = append(h.got, offsets)
	h.times = append(h.times, time.Now())
	return outcomes
}

func (h *batchHandler) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(h.got)
}

func TestABatchIsFullOrHasWaitedAndHasOneMessageOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &batchHandler{batch: message.Batch{Size: 3, Wait: time.Second}}
		b := startWith(t, settings(), h)
		l := b.Assign(b)
		l.Deliver(batch(0, 3, "a", "bad", "c"))
		synctest.Wait()
		l.Deliver(batch(3, 2, "a"))
		elapse(500 * time.Millisecond)
		if got := h.seen(); got != "[[0 1 2]]" {
			t.Errorf("batches %s, want one that is full and none that waits", got)
		}
		elapse(2 * time.Second)
		if got := h.seen(); got != "[[0 1 2] [3] [4]]" {
			t.Errorf("batches %s, want the rest by one of the key", got)
		}
		if _, ok := b.buried.Load(int64(1)); !ok || b.marks.Load() != 4 {
			t.Errorf("marked %d, want 4 and the bad row alone in the dead letters", b.marks.Load())
		}
		_ = l.Drain(t.Context())
	})
}

func TestABatchThatWaitingCannotFillGoesAtOnce(t *testing.T) {
	t.Run("order of the partition", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := settings()
			cfg.Ordering = OrderPartition
			b := startWith(t, cfg, &batchHandler{batch: message.Batch{Size: 10, Wait: time.Second}})
			l := b.Assign(b)
			l.Deliver(batch(0, 50, "a", "b", "c"))
			synctest.Wait()
			if s := b.Stats(); s.Records != 0 {
				t.Errorf("%d of 50 wait although none can come beside them", s.Records)
			}
			_ = l.Drain(t.Context())
		})
	})
	t.Run("paused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := settings()
			cfg.MaxPollRecords = 10
			b := startWith(t, cfg, &batchHandler{batch: message.Batch{Size: 3, Wait: time.Second}})
			l := b.Assign(newGate())
			l.Deliver(batch(0, 20, "a", "b"))
			synctest.Wait()
			// At half of the watermark it flows again, and may be waited for.
			if s := b.Stats(); s.Records != 4 || s.Paused != 0 {
				t.Errorf("%d messages wait, %d lanes are paused; want 4, 0", s.Records, s.Paused)
			}
			_ = l.Drain(t.Context())
		})
	})
}

func TestABatchThatWentOutFullDoesNotHurryTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &batchHandler{batch: message.Batch{Size: 3, Wait: time.Second}}
		b := startWith(t, settings(), h)
		l := b.Assign(b)
		began := time.Now()
		l.Deliver(batch(0, 1))
		elapse(500 * time.Millisecond)
		l.Deliver(batch(1, 2)) // full
		elapse(400 * time.Millisecond)
		l.Deliver(batch(3, 1))
		elapse(5 * time.Second)
		if got := h.seen(); got != "[[0 1 2] [3]]" {
			t.Errorf("batches %s, want a full one and the rest", got)
		}
		if got := h.times[1].Sub(began); got != 1900*time.Millisecond {
			t.Errorf("the second went out %v after the start, want its whole wait from its first message on, at 1.9s", got)
		}
		_ = l.Drain(t.Context())
	})
}
