package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// pausing is a claim that knows whether it is paused.
type pausing struct{ paused atomic.Bool }

func (p *pausing) Mark(int64)                   {}
func (p *pausing) Commit(context.Context) error { return nil }
func (p *pausing) Pause()                       { p.paused.Store(true) }
func (p *pausing) Resume()                      { p.paused.Store(false) }

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Until its claim is paused, a lane holds in memory what it counts, and some for
// its bookkeeping: also when only a few messages of each fetch wait, when they
// are small, and when they have many headers.
func TestWhatIsHeldInMemoryIsWhatIsCounted(t *testing.T) { //nolint:gocognit // one world, told in one place
	for name, tt := range map[string]struct{ value, headers, every, key int }{
		"few of many wait":     {10 << 10, 0, 100, 1},
		"the last of each key": {10 << 10, 0, 100, 100},
		"all wait":             {10 << 10, 0, 1, 1},
		"small ones":           {10, 0, 1, 1},
		"many small headers":   {10, 50, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings()
			cfg.MaxPollRecords, cfg.MaxUncommitted, cfg.MaxBufferBytes = 1_000_000, 4_000_000, 16<<20
			cfg.Retry.Delay, cfg.Retry.MaxDelay = time.Hour, time.Hour
			b := start(t, cfg, func(_ context.Context, m *message.Message) error {
				if (m.Offset+1)%int64(tt.every) == 0 {
					return message.Unavailable(errTest)
				}
				return nil
			})
			claim := new(pausing)
			l := b.Assign(claim)
			before := heap()
			for offset := int64(0); !claim.paused.Load() && offset < 200_000; {
				batch := make([]message.Message, 100)
				fetch := make([]byte, len(batch)*tt.value) // one buffer for all, as clients have it
				for i := range batch {
					m := message.Message{Topic: "t", Offset: offset, Key: fmt.Appendf(nil, "%d", offset/int64(tt.key)), Value: fetch[i*tt.value:][:tt.value]}
					for range tt.headers {
						m.Headers = append(m.Headers, message.Field{Key: "name", Value: []byte("value")})
					}
					batch[i], offset = m, offset+1
				}
				l.Deliver(batch)
				for s := b.Stats(); s.Records > s.Waiting; s = b.Stats() {
					runtime.Gosched()
				}
			}
			held, s := heap()-before, b.Stats()
			const bookkeeping = 4 << 20 // the tracker, and what a map keeps of what was in it
			t.Logf("%d messages are counted as %d KiB, %d KiB are held", s.Records, s.Bytes>>10, held>>10)
			if held > s.Bytes*3/2+bookkeeping || held > cfg.MaxBufferBytes*3/2+bookkeeping {
				t.Errorf("%d KiB are held and %d KiB counted, the limit is %d KiB", held>>10, s.Bytes>>10, cfg.MaxBufferBytes>>10)
			}
			l.Lose()
		})
	}
}

// The timer of a retry must not keep a lane in memory that has ended.
func TestALaneThatEndedIsForgotten(t *testing.T) {
	cfg := settings()
	cfg.Retry.Delay, cfg.Retry.MaxDelay = time.Hour, time.Hour
	b := start(t, cfg, func(context.Context, *message.Message) error { return errTest })
	ended := func() weak.Pointer[Lane] {
		l := b.Assign(new(pausing))
		l.Deliver(batch(0, 10))
		for b.count(Retrying) < 10 || b.Stats().Busy > 0 {
			runtime.Gosched()
		}
		l.Lose()
		return weak.Make(l)
	}()
	for range 100 {
		if runtime.GC(); ended.Value() == nil {
			return
		}
	}
	t.Error("the lane is still in memory")
}

// What waits behind a handler that outlives its lane will be delivered again: it must not
// stay in memory until the handler returns, uncounted.
func TestAHandlerThatOutlivesItsLaneKeepsNoOtherMessages(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	b := start(t, settings(), func(context.Context, *message.Message) error { <-release; return nil })
	l := b.Assign(new(pausing))
	l.Deliver(batch(0, 10, "one key"))
	b.mu.Lock()
	last := weak.Make(l.tracker.open.Back().Value.(*item))
	b.mu.Unlock()
	l.Lose()
	for range 100 {
		if runtime.GC(); last.Value() == nil {
			return
		}
	}
	t.Error("the messages of the lane are still in memory")
}

// The bound is of all partitions together, and of what handlers have in their hands as
// well: as many as there are workers, each with a copy, also when all that waits is due
// at the same time.
func TestWhatAllLanesAndHandlersHoldIsBounded(t *testing.T) { //nolint:gocognit // one world, told in one place
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		lanes, workers, value, headers int
		every                          int64 // of which one message waits
		limit                          int64
	}{
		"2 % wait":            {12, 16, 20 << 10, 0, 50, 12 * mib},
		"200,000 headers":     {2, 16, 10, 200_000, 1, 96 * mib},
		"many workers":        {12, 1000, 20 << 10, 0, 1, 24 * mib},
		"many workers, large": {1, 1000, mib, 0, 1, 24 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := settings()
			cfg.MaxWorkers, cfg.MaxPollRecords, cfg.MaxUncommitted, cfg.MaxBufferBytes = tt.workers, 1_000_000, 4_000_000, tt.limit
			cfg.Retry.Delay, cfg.Retry.MaxDelay = time.Hour, time.Hour
			release := make(chan struct{})
			b := start(t, cfg, func(_ context.Context, m *message.Message) error {
				if (m.Offset+1)%tt.every != 0 {
					return nil
				}
				if m.Attempt == 1 {
					return errTest
				}
				<-release
				return nil
			})
			lanes, claims, before := make([]*Lane, tt.lanes), make([]pausing, tt.lanes), heap()
			for p := range lanes {
				lanes[p] = b.Assign(&claims[p])
			}
			headers := slices.Repeat([]message.Field{{Key: "name", Value: []byte("value")}}, tt.headers)
			for offset, open := int64(0), true; open && offset < 20_000; offset++ {
				open = false
				for p, l := range lanes {
					if open = open || !claims[p].paused.Load(); !claims[p].paused.Load() {
						l.Deliver(at(int32(p), []message.Message{{
							Topic: "t", Offset: offset, Key: fmt.Appendf(nil, "%d", offset), Value: make([]byte, tt.value), Headers: headers,
						}}))
					}
				}
				for b.Stats().Busy > 0 {
					runtime.Gosched()
				}
			}
			waiting := heap() - before
			for _, l := range lanes {
				b.mu.Lock()
				for _, timer := range l.timers {
					timer.Reset(0)
				}
				b.mu.Unlock()
				for due := false; !due; runtime.Gosched() {
					b.mu.Lock()
					due = len(l.timers) == 0
					b.mu.Unlock()
				}
			}
			running, s := heap()-before, b.Stats()
			t.Logf("%d messages are counted as %d KiB and %d KiB are held, %d KiB while %d run", s.Records, s.Bytes>>10, waiting>>10, running>>10, s.Busy)
			if got, limit := max(waiting, running), cfg.MaxBufferBytes*3/2+8*mib; got > limit {
				t.Errorf("%d KiB are held, want at most %d KiB", got>>10, limit>>10)
			}
			close(release)
			for _, l := range lanes {
				l.Lose()
			}
		})
	}
}
