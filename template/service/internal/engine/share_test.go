package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestASlowLaneLeavesWorkersToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers, cfg.MaxPollRecords, cfg.MaxUncommitted = 8, 10_000, 40_000
		var slowest time.Duration
		var slow atomic.Int64
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Partition == 0 {
				time.Sleep(50 * time.Millisecond)
				slow.Add(1)
				return nil
			}
			slowest = max(slowest, time.Since(m.Time))
			return nil
		})
		lanes := []*Lane{b.Assign(b), b.Assign(b), b.Assign(b)}
		lanes[0].Deliver(batch(0, 5000))
		for i := range 200 {
			for p := 1; p < 3; p++ {
				m := batch(int64(i), 1)[0]
				m.Partition, m.Time = int32(p), time.Now()
				lanes[p].Deliver([]message.Message{m})
				synctest.Wait() // one after the other: the handler is not locked
			}
			time.Sleep(10 * time.Millisecond)
		}
		if slowest > time.Millisecond {
			t.Errorf("a fast lane's message waited %v beside a slow lane", slowest)
		}
		if got := slow.Load(); got < 200 {
			t.Errorf("the slow lane handled %d in 2 s, want most of the workers for it", got)
		}
		for _, l := range lanes {
			_ = l.Drain(t.Context())
		}
	})
}

func TestAStuckLaneLeavesAWorkerToOneThatWasQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 8
		gate := make(chan struct{})
		var handled atomic.Int64
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Partition == 0 {
				<-gate
			} else {
				handled.Add(1)
			}
			return nil
		})
		stuck, quiet := b.Assign(b), b.Assign(b)
		elapse(time.Minute) // both are forgotten
		stuck.Deliver(batch(0, 50))
		elapse(time.Minute)
		m := batch(0, 1)
		m[0].Partition = 1
		quiet.Deliver(m)
		synctest.Wait()
		if handled.Load() != 1 {
			t.Error("a message waits for a stuck partition")
		}
		close(gate)
		elapse(time.Second)
		_ = stuck.Drain(t.Context())
		_ = quiet.Drain(t.Context())
	})
}

func TestALoneLaneTakesAllWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(10 * time.Millisecond)
			running.Add(-1)
			return nil
		})
		l, quiet := b.Assign(b), b.Assign(b)
		quiet.Deliver(batch(0, 1))
		elapse(10 * time.Second) // long enough to be forgotten
		l.Deliver(batch(0, 40))
		elapse(time.Second)
		if most.Load() != 4 {
			t.Errorf("%d handlers ran at once, want all 4", most.Load())
		}
		_ = l.Drain(t.Context())
		_ = quiet.Drain(t.Context())
	})
}

// Both deliveries signal the one worker that is idle, and it can take but one.
func TestASecondWorkerStartsWhenOneWasWokenForTwoLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited atomic.Int64
		waited.Store(-1)
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Partition == 0 && m.Offset == 1 {
				time.Sleep(30 * time.Second)
			}
			if m.Partition == 1 {
				waited.Store(int64(time.Since(m.Time)))
			}
			return nil
		})
		slow, quick := b.Assign(b), b.Assign(b)
		slow.Deliver(batch(0, 1, "k")) // the first worker starts, and is idle then
		synctest.Wait()
		m := batch(0, 1, "k")
		m[0].Partition, m[0].Time = 1, time.Now()
		slow.Deliver(batch(1, 1, "k"))
		quick.Deliver(m)
		elapse(time.Minute)
		if got := time.Duration(waited.Load()); got != 0 {
			t.Errorf("the other lane's message waited %v, and 3 workers were never started", got)
		}
		_ = slow.Drain(t.Context())
		_ = quick.Drain(t.Context())
	})
}

// Two lanes that are active have two of the four workers reserved, and the
// second may not have them once the first is gone unless somebody looks.
func TestALaneThatEndsLeavesItsReserveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error {
			running.Add(1)
			time.Sleep(time.Second)
			running.Add(-1)
			return nil
		})
		busy, other := b.Assign(b), b.Assign(b)
		busy.Deliver(batch(0, 40))
		synctest.Wait()
		if got := running.Load(); got != 3 {
			t.Errorf("%d handlers run beside a reserve, want 3", got)
		}
		other.Lose()
		synctest.Wait()
		if got := running.Load(); got != 4 {
			t.Errorf("%d handlers run once the reserve is gone, want all 4", got)
		}
		busy.Lose()
		elapse(time.Minute)
	})
}
