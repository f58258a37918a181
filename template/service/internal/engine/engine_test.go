package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// bench is an engine with one partition's worth of fakes around it.
type bench struct {
	*Engine
	marks   atomic.Int64 // the last marked offset, -1 for none
	commits atomic.Int64
	buried  sync.Map // offset to Failure
	refuse  atomic.Bool
	stop    context.CancelFunc
	result  chan error
}

func (b *bench) Mark(offset int64)            { b.marks.Store(offset) }
func (b *bench) Commit(context.Context) error { b.commits.Add(1); return nil }

func (b *bench) DeadLetter(_ context.Context, m *message.Message, f Failure) error {
	if b.refuse.Load() {
		return errors.New("no such topic")
	}
	b.buried.Store(m.Offset, f)
	return nil
}

func settings() Config {
	return Config{
		Ordering: OrderKey, MaxWorkers: 4, ErrorPolicy: PolicyDeadLetter,
		Retry:          RetryPolicy{Kind: RetryFixed, MaxAttempts: 3, Delay: 10 * time.Millisecond, MaxDelay: time.Second},
		MaxPollRecords: 100, MaxPollBytes: 1 << 20, MaxUncommitted: 400,
		CommitInterval: 100 * time.Millisecond, CommitRecords: 1000,
		DrainTimeout: time.Second, HandlerTimeout: time.Minute, StuckAfter: 5 * time.Minute,
	}
}

// start runs an engine until the test ends.
func start(t *testing.T, cfg Config, h message.HandlerFunc) *bench {
	t.Helper()
	return startWith(t, cfg, h)
}

func startWith(t *testing.T, cfg Config, h message.Handler) *bench {
	t.Helper()
	b := &bench{result: make(chan error, 1)}
	b.marks.Store(-1)
	var err error
	if b.Engine, err = New(cfg, h, b, b, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	go func() { b.result <- b.Run(ctx) }()
	t.Cleanup(stop)
	return b
}

// elapse lets time pass, and everything that happens in it.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// batch makes n messages from the given offset on, with the given keys in turn.
func batch(from int64, n int, keys ...string) []message.Message {
	out := make([]message.Message, n)
	for i := range out {
		out[i] = message.Message{Topic: "payments", Offset: from + int64(i), Value: []byte("{}")}
		if len(keys) > 0 {
			out[i].Key = []byte(keys[i%len(keys)])
		}
	}
	return out
}

func TestCommitFollowsTheLowWaterMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Offset == 2 {
				<-gate
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 6, "a", "b", "c", "d", "e", "f"))
		elapse(time.Second)
		if got := b.marks.Load(); got != 1 {
			t.Errorf("marked %d while 2 runs, want 1", got)
		}
		if got := b.Stats().Window; got != 4 {
			t.Errorf("window is %d, want 4", got)
		}
		close(gate)
		elapse(time.Second)
		if got := b.marks.Load(); got != 5 {
			t.Errorf("marked %d at rest, want 5", got)
		}
		commits := b.commits.Load()
		elapse(time.Second)
		if b.commits.Load() != commits {
			t.Error("commits although nothing moved")
		}
		_ = l.Drain(t.Context())
	})
}

func TestManyTerminalMessagesBringTheCommitForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.CommitInterval, cfg.CommitRecords = time.Hour, 10
		b := start(t, cfg, func(context.Context, *message.Message) error { return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 10))
		synctest.Wait()
		if b.commits.Load() != 1 {
			t.Errorf("%d commits, want 1", b.commits.Load())
		}
		_ = l.Drain(t.Context())
	})
}

func TestRetryHoldsTheKeyAndNotTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var mu sync.Mutex
		var seen []string
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%s%d.%d", m.Key, m.Offset, m.Attempt))
			if m.Offset == 0 && m.Attempt < 3 {
				return message.Retry(errors.New("later"))
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 4, "a", "b"))
		elapse(time.Second)
		want := "a0.1 b1.1 b3.1 a0.2 a0.3 a2.1"
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("handled %s, want %s", got, want)
		}
		_ = l.Drain(t.Context())
	})
}

func TestFailuresFollowTheErrorPolicy(t *testing.T) {
	failures := map[string]error{
		"plain":     errors.New("broken"),
		"retry":     message.Retry(errors.New("later")),
		"permanent": message.Permanent(errors.New("never")),
	}
	for _, tt := range []struct {
		policy         ErrorPolicy
		failure        string
		calls          int
		buried, marked bool
	}{
		{PolicyDeadLetter, "plain", 1, true, true},
		{PolicyDeadLetter, "retry", 3, true, true},
		{PolicyDeadLetter, "permanent", 1, true, true},
		{PolicySkip, "plain", 1, false, true},
		{PolicySkip, "retry", 3, false, true},
		{PolicyStop, "plain", 1, false, false},
		{PolicyStop, "retry", 3, false, false},
	} {
		t.Run(fmt.Sprintf("%s/%s", tt.policy, tt.failure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.ErrorPolicy = tt.policy
				calls := 0
				b := start(t, cfg, func(context.Context, *message.Message) error { calls++; return failures[tt.failure] })
				l := b.Assign(b)
				l.Deliver(batch(0, 1, "a"))
				elapse(time.Second)
				_, buried := b.buried.Load(int64(0))
				if calls != tt.calls || buried != tt.buried || (b.marks.Load() == 0) != tt.marked {
					t.Errorf("%d calls, buried %v, marked %d", calls, buried, b.marks.Load())
				}
				if tt.policy == PolicyStop {
					if err := <-b.result; err == nil || !strings.Contains(err.Error(), "payments/0@0") {
						t.Errorf("stopped with %v, want the message's place", err)
					}
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

func TestRetryPolicyTriesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.ErrorPolicy = PolicyRetry
		var calls atomic.Int64
		b := start(t, cfg, func(context.Context, *message.Message) error {
			if calls.Add(1) <= 50 {
				return message.Permanent(errors.New("broken"))
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Minute)
		if calls.Load() != 51 || b.marks.Load() != 0 {
			t.Errorf("%d calls, marked %d; want 51, 0", calls.Load(), b.marks.Load())
		}
		_ = l.Drain(t.Context())
	})
}

func TestRefusedDeadLetterIsNeverMarkedAndHealsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Offset == 0 {
				return errors.New("broken")
			}
			return nil
		})
		b.refuse.Store(true)
		l := b.Assign(b)
		l.Deliver(batch(0, 3, "a", "b"))
		elapse(time.Minute)
		if b.marks.Load() != -1 {
			t.Errorf("marked %d past a refused dead letter", b.marks.Load())
		}
		if b.Ready() == nil {
			t.Error("ready although a dead letter is refused")
		}
		b.refuse.Store(false)
		elapse(time.Minute)
		if b.marks.Load() != 2 || b.Ready() != nil {
			t.Errorf("marked %d, ready %v; want 2, nil", b.marks.Load(), b.Ready())
		}
		_ = l.Drain(t.Context())
	})
}

func TestHandlerTimeoutEndsTheContextAndKeepsTheKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.HandlerTimeout, cfg.StuckAfter = time.Second, 10*time.Second
		gate := make(chan struct{})
		var order []int64
		b := start(t, cfg, func(ctx context.Context, m *message.Message) error {
			order = append(order, m.Offset)
			if m.Offset == 0 {
				<-ctx.Done()
				<-gate
				return ctx.Err()
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 2, "a"))
		elapse(5 * time.Second)
		if len(order) != 1 || b.Live() != nil {
			t.Errorf("handled %v, live %v; want 0 alone, nil", order, b.Live())
		}
		elapse(10 * time.Second)
		if err := b.Live(); err == nil || !strings.Contains(err.Error(), "payments/0@0") {
			t.Errorf("live says %v, want the stuck message's place", err)
		}
		close(gate)
		elapse(5 * time.Second)
		f, ok := b.buried.Load(int64(0))
		if !ok || f.(Failure).Class != message.ClassTimeout {
			t.Errorf("dead letter %+v, want class timeout", f)
		}
		if !slices.Equal(order, []int64{0, 1}) || b.Live() != nil {
			t.Errorf("handled %v, live %v; want 0 1, nil", order, b.Live())
		}
		_ = l.Drain(t.Context())
	})
}

func TestPanicIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { panic("out of cheese") })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Second)
		f, _ := b.buried.Load(int64(0))
		if got, ok := f.(Failure); !ok || got.Class != message.ClassPanic || !strings.Contains(got.Reason(), "out of cheese") {
			t.Errorf("dead letter %+v, want class panic and its value", f)
		}
		_ = l.Drain(t.Context())
	})
}

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

func TestWhileMostMessagesAskToBeTriedAgainNoneIsDeadLettered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.BreakerFailures = 20
		var down atomic.Bool
		down.Store(true)
		var calls atomic.Int64
		b := start(t, cfg, func(context.Context, *message.Message) error {
			calls.Add(1)
			if down.Load() {
				return message.Retry(errors.New("no database"))
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 25))
		elapse(10 * time.Minute)
		b.buried.Range(func(offset, _ any) bool { t.Errorf("%v is a dead letter", offset); return true })
		if got := calls.Load(); got > 200 {
			t.Errorf("%d attempts in ten minutes while held back, want few", got)
		}
		if err := b.Ready(); err == nil || !strings.Contains(err.Error(), "no database") {
			t.Errorf("ready says %v, want why handlers are held back", err)
		}
		down.Store(false)
		elapse(10 * time.Second)
		if b.marks.Load() != 24 || b.Ready() != nil {
			t.Errorf("marked %d, ready %v after it healed; want 24, nil", b.marks.Load(), b.Ready())
		}
		_ = l.Drain(t.Context())
	})
}

func TestAMinorityThatAsksToBeTriedAgainHoldsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.BreakerFailures = 20
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Offset%4 == 0 {
				return message.Retry(errors.New("always"))
			}
			return nil
		})
		l := b.Assign(b)
		for i := range 100 {
			l.Deliver(batch(int64(i*8), 8))
			elapse(10 * time.Millisecond)
		}
		elapse(time.Second)
		if _, ok := b.buried.Load(int64(0)); !ok || b.marks.Load() != 799 {
			t.Errorf("marked %d, want 799 and the failing ones in the dead letters", b.marks.Load())
		}
		_ = l.Drain(t.Context())
	})
}

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

func TestEveryWrongSettingIsNamed(t *testing.T) {
	_, err := New(Config{}, nil, nil, nil, slog.New(slog.DiscardHandler))
	for _, name := range []string{"Ordering", "ErrorPolicy", "MaxWorkers", "MaxPollRecords", "MaxPollBytes", "CommitInterval", "CommitRecords", "DrainTimeout", "Retry.Kind", "Retry.MaxAttempts", "Retry.Delay"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
}
