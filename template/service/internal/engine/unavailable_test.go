package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var errAway = errors.New("no route to the registry")

// away is a handler for which something is away until it is back.
type away struct {
	back  atomic.Bool
	calls atomic.Int64
	only  int64 // the only offset that needs it, -1 for all

	mu   sync.Mutex
	seen []string // key, offset and attempt of each call
}

func (a *away) handle(_ context.Context, m *message.Message) error {
	a.mu.Lock()
	a.seen = append(a.seen, fmt.Sprintf("%s%d.%d", m.Key, m.Offset, m.Attempt))
	a.mu.Unlock()
	if !a.back.Load() && (a.only < 0 || a.only == m.Offset) {
		a.calls.Add(1)
		return message.Unavailable(errAway)
	}
	return nil
}

// last returns the last n calls.
func (a *away) last(n int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.seen[len(a.seen)-n:], " ")
}

func TestWhatIsAwayIsWaitedForWhateverTheErrorPolicy(t *testing.T) {
	for _, policy := range []string{PolicyDeadLetter, PolicyRetry, PolicySkip, PolicyStop} {
		t.Run(policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.ErrorPolicy, cfg.Retry.MaxAttempts = policy, 1
				a := &away{only: 0}
				b := start(t, cfg, a.handle)
				l := b.Assign(b)
				l.Deliver(batch(0, 1, "a"))
				elapse(time.Minute)
				b.letters.Range(func(offset, _ any) bool { t.Errorf("%v is a dead letter", offset); return true })
				if b.marks.Load() != -1 || len(b.result) > 0 {
					t.Errorf("marked %d, stopped %d; want neither", b.marks.Load(), len(b.result))
				}
				if n, got := a.calls.Load(), a.last(1); n < 1000 || got != "a0.1" {
					t.Errorf("%d attempts, the last %s; want all counted as the first", n, got)
				}
				a.back.Store(true)
				elapse(time.Second)
				if b.marks.Load() != 0 {
					t.Errorf("marked %d once it was back, want 0", b.marks.Load())
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

func TestItsKeyWaitsAndOthersGoOnWhileSomethingIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		a := &away{only: 0}
		b := start(t, cfg, a.handle)
		l := b.Assign(b)
		l.Deliver(batch(0, 6, "a", "b"))
		elapse(time.Minute)
		if got := b.Stats(); got.Waiting != 1 || b.count(Handled) != 3 || got.Records != 3 {
			t.Errorf("%d wait, %d handled, %d left; want 1, the 3 of b, and the 3 of a", got.Waiting, b.count(Handled), got.Records)
		}
		if err := b.Ready(); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "messages wait for something unavailable (1)") {
			t.Errorf("ready says %v, want what is away", err)
		}
		if b.Live() != nil {
			t.Error("it asks to be restarted, which would not help")
		}
		a.back.Store(true)
		elapse(time.Second)
		if got := a.last(3); got != "a0.1 a2.1 a4.1" {
			t.Errorf("handled %s at last, want the order of the key", got)
		}
		if b.marks.Load() != 5 || b.Ready() != nil || b.Stats().Waiting != 0 {
			t.Errorf("marked %d, ready %v, %d wait; want all done", b.marks.Load(), b.Ready(), b.Stats().Waiting)
		}
		_ = l.Drain(t.Context())
	})
}

func TestWaitingIsNotAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outcomes := []error{
			message.Unavailable(errAway), message.Unavailable(errAway), message.Retry(errTest),
			message.Unavailable(errAway), message.Retry(errTest), message.Retry(errTest),
		}
		var attempts []int
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			attempts = append(attempts, m.Attempt)
			return outcomes[len(attempts)-1]
		})
		var kinds []string
		b.Observe(func(e Event) { kinds = append(kinds, e.Kind.String()) })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Minute)
		if got := fmt.Sprint(attempts); got != "[1 1 1 2 2 3]" {
			t.Errorf("attempts %s, want [1 1 1 2 2 3]", got)
		}
		if f, ok := b.letters.Load(int64(0)); !ok || f.(Failure).Attempts != 3 || !errors.Is(f.(Failure).Err, errTest) {
			t.Errorf("dead letter %+v, want one after 3 attempts", f)
		}
		if got := fmt.Sprintf("%q", kinds); got != `["unavailable" "unavailable" "retrying" "unavailable" "retrying" "dead-letter"]` {
			t.Errorf("events %s", got)
		}
		if b.Ready() != nil {
			t.Errorf("not ready although nothing waits: %v", b.Ready())
		}
		_ = l.Drain(t.Context())
	})
}

var errTest = errors.New("test")

func TestWaitingBacksOffToTheLongestRetryDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.Retry.Kind, cfg.Retry.Delay, cfg.Retry.MaxDelay = message.RetryFibonacci, time.Second, 8*time.Second
		a := &away{only: -1}
		b := start(t, cfg, a.handle)
		var delays []time.Duration
		b.Observe(func(e Event) { delays = append(delays, e.Delay/time.Second) })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(30 * time.Second)
		if got := fmt.Sprint(delays); got != "[1ns 2ns 3ns 5ns 8ns 8ns 8ns]" {
			t.Errorf("delays %s, want 1 2 3 5 and then 8 seconds", got)
		}
		_ = l.Drain(t.Context())
	})
}

// What came after it and is done comes again with it, which is told.
func TestAMessageThatWaitsIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(context.Context, *Lane) bool{
		"drain": func(ctx context.Context, l *Lane) bool {
			err := l.Drain(ctx)
			return err != nil && strings.Contains(err.Error(), "before them is not done: 1")
		},
		"lose": func(_ context.Context, l *Lane) bool { l.Lose(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &away{only: 1}
				b := start(t, settings(), a.handle)
				l := b.Assign(b)
				l.Deliver(batch(0, 3, "a", "b"))
				elapse(time.Second)
				began, calls := time.Now(), a.calls.Load()
				if told := end(t.Context(), l); !told || time.Since(began) > 0 {
					t.Errorf("the lane's end took %v, and that a message comes again was told: %t", time.Since(began), told)
				}
				elapse(time.Minute)
				if a.calls.Load() != calls || b.marks.Load() != 0 {
					t.Errorf("%d attempts after the end, marked %d; want none and 0", a.calls.Load()-calls, b.marks.Load())
				}
				if b.Ready() != nil {
					t.Errorf("not ready because of a message that somebody else has: %v", b.Ready())
				}
			})
		})
	}
}

func TestAHandlerThatRunsWhileItsLaneEndsMayFindThatSomethingIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return message.Unavailable(ctx.Err())
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		synctest.Wait()
		if err := l.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if _, ok := b.letters.Load(int64(0)); ok || b.marks.Load() != -1 {
			t.Errorf("letters %v, marked %d; want it left as it is", ok, b.marks.Load())
		}
	})
}
