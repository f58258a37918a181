package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestDrainLetsRunningHandlersEndAndDropsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error {
			time.Sleep(300 * time.Millisecond)
			handled.Add(1)
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 50))
		synctest.Wait()
		if err := l.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if handled.Load() != 4 || b.marks.Load() != 3 || b.commits.Load() == 0 {
			t.Errorf("handled %d, marked %d, commits %d; want 4, 3, some", handled.Load(), b.marks.Load(), b.commits.Load())
		}
		elapse(time.Second)
		if handled.Load() != 4 {
			t.Error("a handler started after the drain")
		}
	})
}

func TestDrainEndsByItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := start(t, settings(), func(context.Context, *message.Message) error { <-gate; return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 1))
		synctest.Wait()
		began := time.Now()
		if err := l.Drain(t.Context()); err == nil {
			t.Error("no word of the handler that still runs")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the drain took %v, want at most 1s", took)
		}
		close(gate)
		synctest.Wait()
		if b.marks.Load() != -1 {
			t.Error("a late handler was marked after its lane ended")
		}
	})
}

func TestNoHandlerOfABatchStartsOnceTheLaneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var l *Lane
		handled := 0
		b := start(t, cfg, func(context.Context, *message.Message) error {
			handled++
			l.end()
			return nil
		})
		l = b.Assign(b)
		l.cost.Store(1) // cheap messages are taken by the batch
		l.Deliver(batch(0, 10, "a", "b"))
		synctest.Wait()
		if handled != 1 {
			t.Errorf("%d handlers started, want 1", handled)
		}
		l.Lose()
	})
}

func TestALostLaneMarksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 3))
		synctest.Wait()
		l.Lose()
		l.mark() // as a commit does that began before
		if b.marks.Load() != -1 {
			t.Errorf("marked %d after the lane was lost", b.marks.Load())
		}
	})
}

// Handlers that are told to give up fail as they do when a database is down.
// That must not hold back those of the lanes that stay.
func TestADrainDoesNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.BreakerFailures, cfg.Retry.PlainErrors = 3, true
		b := start(t, cfg, func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return ctx.Err()
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 4, "a", "b", "c", "d"))
		synctest.Wait()
		_ = l.Drain(t.Context())
		if err := b.Ready(); err != nil {
			t.Errorf("after a drain: %v", err)
		}
	})
}
