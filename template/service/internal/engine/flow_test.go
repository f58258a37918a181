package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// large makes one message of n bytes.
func large(offset int64, n int) []message.Message {
	m := batch(offset, 1)
	m[0].Value = make([]byte, n)
	return m
}

// A paused claim flows again at half of its limits, not below them at once.
func TestAPausedLaneFlowsAgainAtHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers, cfg.MaxPollRecords = 1, 20
		b := start(t, cfg, func(context.Context, *message.Message) error { time.Sleep(time.Second); return nil })
		g := newGate()
		l := b.Assign(g)
		l.Deliver(batch(0, 21))
		elapse(10500 * time.Millisecond)
		if got := b.Stats().Records; !g.isClosed() || got != 11 {
			t.Errorf("paused %v with %d of at most 20 in memory, want it until there are 10", g.isClosed(), got)
		}
		elapse(time.Second)
		if g.isClosed() {
			t.Error("still paused at half")
		}
		l.Lose()
		elapse(time.Minute)
	})
}

// A lane that ends leaves its bytes to the others, also when nothing moves there.
func TestALaneThatEndsLetsOthersFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxBufferBytes = 100 << 10
		b := start(t, cfg, func(context.Context, *message.Message) error { return message.RetryAfter(time.Hour, errTest) })
		g := newGate()
		l, others := b.Assign(g), []*Lane{b.Assign(b), b.Assign(b), b.Assign(b)}
		l.Deliver(large(0, 40<<10))
		if !g.isClosed() {
			t.Error("not paused above a fourth of what all may hold")
		}
		for _, other := range others {
			other.Lose()
		}
		if g.isClosed() {
			t.Error("paused below half of what all may hold, and alone")
		}
		l.Lose()
	})
}

func TestLanesShareTheBytesOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxBufferBytes = 1200 << 10
		release := make(chan struct{})
		b := start(t, cfg, func(context.Context, *message.Message) error { <-release; return nil })
		gates := []*gate{newGate(), newGate(), newGate()}
		first := b.Assign(gates[0])
		first.Deliver(large(0, 1100<<10))
		if gates[0].isClosed() {
			t.Error("a lane alone is paused below the limit of all")
		}
		second, third := b.Assign(gates[1]), b.Assign(gates[2])
		first.Deliver(large(1, 1<<10))
		second.Deliver(large(0, 401<<10))
		third.Deliver(large(0, 399<<10))
		if !gates[0].isClosed() || !gates[1].isClosed() || gates[2].isClosed() {
			t.Errorf("paused %v, %v, %v; want those of more than a third", gates[0].isClosed(), gates[1].isClosed(), gates[2].isClosed())
		}
		first.Lose()
		third.Deliver(large(1, 190<<10))
		if gates[2].isClosed() {
			t.Error("a lane is paused below its half, now that there are two")
		}
		close(release)
		elapse(time.Second)
		if gates[1].isClosed() {
			t.Error("a lane that is done is paused")
		}
		second.Lose()
		third.Lose()
	})
}

// While a large message is handled there may be no memory for copies of others. Once
// it is done, as many start as there are workers.
func TestWhatALargeMessageHeldUpStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxBufferBytes = 100 << 10
		var running atomic.Int64
		b := start(t, cfg, func(context.Context, *message.Message) error {
			running.Add(1)
			time.Sleep(time.Second)
			running.Add(-1)
			return nil
		})
		l, other := b.Assign(newGate()), b.Assign(newGate())
		l.Deliver(large(0, 90<<10))
		l.Deliver(batch(1, 10))
		synctest.Wait()
		if n := running.Load(); n != 1 {
			t.Errorf("%d handlers run, want the one of the large message", n)
		}
		other.Deliver(at(1, batch(0, 10)))
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d handlers run, want one of each lane", n)
		}
		elapse(time.Second)
		if n := running.Load(); n != 4 {
			t.Errorf("%d handlers run once there is memory, want all 4", n)
		}
		l.Lose()
		other.Lose()
		elapse(time.Minute)
	})
}
