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
