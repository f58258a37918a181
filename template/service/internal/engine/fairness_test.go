package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
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
		if got := slow.Load(); got < 150 {
			t.Errorf("the slow lane handled %d in 2 s, want half of the workers for it", got)
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

func TestALaneAloneTakesAllWorkersAndOneOfSeveralHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(10 * time.Millisecond)
			running.Add(-1)
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 40))
		elapse(time.Second)
		if most.Load() != 4 {
			t.Errorf("%d handlers of a lane alone ran at once, want all 4", most.Load())
		}
		other := b.Assign(b)
		most.Store(0)
		l.Deliver(batch(40, 40))
		elapse(time.Second)
		if most.Load() != 2 {
			t.Errorf("%d handlers of one of two lanes ran at once, want 2", most.Load())
		}
		_ = l.Drain(t.Context())
		_ = other.Drain(t.Context())
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

func TestALaneThatEndsLeavesItsWorkersAtOnce(t *testing.T) {
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
		if got := running.Load(); got != 2 {
			t.Errorf("%d handlers run beside another lane, want 2", got)
		}
		other.Lose()
		synctest.Wait()
		if got := running.Load(); got != 4 {
			t.Errorf("%d handlers run once the lane is alone, want all 4", got)
		}
		busy.Lose()
		elapse(time.Minute)
	})
}

// Any number of lanes, of which one is slow, with fewer or more workers.
func TestASlowLaneDelaysNoOther(t *testing.T) { //nolint:gocognit // one world, told in one place
	for _, lanes := range []int{2, 3, 12, 100} {
		for _, workers := range []int{1, 2, 3, 7, 16, 100} {
			t.Run(fmt.Sprintf("lanes=%d/workers=%d", lanes, workers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cfg := settings()
					cfg.MaxWorkers, cfg.MaxPollRecords, cfg.MaxUncommitted = workers, 10_000, 40_000
					var waited latencies
					takes := 30 * time.Second
					if workers == 1 { // they have to take turns
						takes = 50 * time.Millisecond
					}
					b := start(t, cfg, func(_ context.Context, m *message.Message) error {
						if m.Partition == 0 {
							time.Sleep(takes)
							return nil
						}
						waited.add(time.Since(m.Time))
						return nil
					})
					all := make([]*Lane, lanes)
					for p := range all {
						all[p] = b.Assign(b)
					}
					all[0].Deliver(batch(0, 1000))
					for i := range 20 {
						for p := 1; p < lanes; p++ {
							all[p].Deliver(at(int32(p), batch(int64(i), 1)))
						}
						elapse(100 * time.Millisecond)
					}
					if n, p99 := waited.p99(); n != 20*(lanes-1) || p99 > time.Second {
						t.Errorf("%d of %d messages of other lanes were handled, p99 %v", n, 20*(lanes-1), p99)
					}
					for _, l := range all {
						l.Lose()
					}
					elapse(time.Minute)
				})
			})
		}
	}
}

// Others lose at most half of the workers to a partition that is stuck, also when their
// number is odd.
func TestAStuckLaneTakesAtMostHalfOfTheWorkers(t *testing.T) {
	for _, workers := range []int{2, 3, 7, 16, 100} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.MaxWorkers, cfg.MaxPollRecords = workers, 10_000
				running := map[int32]int{}
				var mu sync.Mutex
				b := start(t, cfg, func(_ context.Context, m *message.Message) error {
					mu.Lock()
					running[m.Partition]++
					mu.Unlock()
					time.Sleep(time.Hour)
					return nil
				})
				stuck, one, two := b.Assign(b), b.Assign(b), b.Assign(b)
				stuck.Deliver(at(0, batch(0, 500)))
				elapse(time.Minute)
				one.Deliver(at(1, batch(0, 500)))
				two.Deliver(at(2, batch(0, 500)))
				synctest.Wait()
				if others := running[1] + running[2]; 2*others < workers {
					t.Errorf("the others have %d of %d workers", others, workers)
				}
				for _, l := range []*Lane{stuck, one, two} {
					l.Lose()
				}
				elapse(2 * time.Hour)
			})
		})
	}
}

func TestADueRetryStartsAtOnceBesideAStuckLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 2
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Partition == 0 {
				time.Sleep(time.Hour)
			}
			if m.Attempt == 1 {
				return message.RetryAfter(time.Minute, errTest)
			}
			return nil
		})
		stuck, l := b.Assign(b), b.Assign(b)
		l.Deliver(at(1, batch(0, 1)))
		synctest.Wait()
		stuck.Deliver(at(0, batch(0, 50)))
		elapse(time.Minute)
		if got := b.count(Handled); got != 1 {
			t.Error("a retry that is due has not started")
		}
		stuck.Lose()
		l.Lose()
		elapse(2 * time.Hour)
	})
}

// Keys of one lane take turns: the many messages of one do not hold up others.
func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var order []byte
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			order = append(order, m.Key...)
			return nil
		})
		l := b.Assign(b)
		l.Deliver(append(batch(0, 4, "a"), batch(4, 4, "b", "c")...))
		elapse(time.Second)
		if string(order) != "abcabcaa" {
			t.Errorf("handled in the order %s, want abcabcaa", order)
		}
		_ = l.Drain(t.Context())
	})
}

func TestLanesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var order []int32
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			time.Sleep(time.Millisecond)
			order = append(order, m.Partition)
			return nil
		})
		var lanes []*Lane
		for p, n := range []int{4, 2, 1} {
			lanes = append(lanes, b.Assign(b))
			lanes[p].Deliver(at(int32(p), batch(0, n)))
		}
		elapse(time.Second)
		if got := fmt.Sprint(order); got != "[0 0 1 2 0 1 0]" { // the first is taken when it is alone
			t.Errorf("handled messages of the lanes %s, want [0 0 1 2 0 1 0]", got)
		}
		for _, l := range lanes {
			_ = l.Drain(t.Context())
		}
	})
}

// at makes messages of partition p that come now.
func at(p int32, messages []message.Message) []message.Message {
	for i := range messages {
		messages[i].Partition, messages[i].Time = p, time.Now()
	}
	return messages
}

// latencies collects how long messages took.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// p99 returns how many there are, and what 99 % of them were below.
func (l *latencies) p99() (int, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0, 0
	}
	slices.Sort(l.all)
	return len(l.all), l.all[(len(l.all)-1)*99/100]
}
