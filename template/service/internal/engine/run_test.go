package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Messages were cheap so far, so a worker takes many keys at once. Then one of
// them takes long.
func TestASlowMessageHoldsUpNoOtherKeyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		handled, latest := 0, time.Duration(0)
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Offset == 0 {
				time.Sleep(30 * time.Second)
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			handled++
			latest = max(latest, time.Since(began))
			return nil
		})
		l := b.Assign(b)
		l.cost.Store(int64(time.Microsecond))
		l.Deliver(batch(0, 90))
		elapse(20 * time.Second)
		if handled != 89 || latest > (patience+1)*b.watchInterval() {
			t.Errorf("%d of 89 others were handled, the last after %v, beside idle workers", handled, latest)
		}
		elapse(20 * time.Second)
		if s := b.Stats(); handled != 89 || s.Records != 0 || b.marks.Load() != 89 {
			t.Errorf("%d handled, %d left, marked %d; want each once", handled, s.Records, b.marks.Load())
		}
		if err := l.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestADrainWaitsForWhatAWorkerStillHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Offset == 0 {
				time.Sleep(10500 * time.Millisecond)
			}
			return nil
		})
		l := b.Assign(b)
		l.cost.Store(int64(time.Microsecond))
		l.Deliver(batch(0, 90))
		elapse(10 * time.Second)
		if err := l.Drain(t.Context()); err != nil || b.marks.Load() != 89 {
			t.Errorf("drained with %v, marked %d; want all", err, b.marks.Load())
		}
	})
}
