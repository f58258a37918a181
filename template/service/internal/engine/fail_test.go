package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

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
		"exit":      nil,
	}
	for _, tt := range []struct {
		policy          string
		failure         string
		calls           int
		letters, marked bool
	}{
		{PolicyDeadLetter, "plain", 3, true, true},
		{PolicyDeadLetter, "retry", 3, true, true},
		{PolicyDeadLetter, "permanent", 1, true, true},
		{PolicyDeadLetter, "exit", 1, true, true},
		{PolicySkip, "plain", 3, false, true},
		{PolicySkip, "retry", 3, false, true},
		{PolicyStop, "plain", 3, false, false},
		{PolicyStop, "retry", 3, false, false},
	} {
		t.Run(fmt.Sprintf("%s/%s", tt.policy, tt.failure), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.ErrorPolicy = tt.policy
				calls := 0
				b := start(t, cfg, func(context.Context, *message.Message) error {
					calls++
					if tt.failure == "exit" {
						runtime.Goexit()
					}
					return failures[tt.failure]
				})
				l := b.Assign(b)
				l.Deliver(batch(0, 1, "a"))
				elapse(time.Second)
				_, letters := b.letters.Load(int64(0))
				if calls != tt.calls || letters != tt.letters || (b.marks.Load() == 0) != tt.marked {
					t.Errorf("%d calls, letters %v, marked %d", calls, letters, b.marks.Load())
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
		cfg.HandlerTimeout, cfg.StuckAfter, cfg.Retry.MaxAttempts = time.Second, 10*time.Second, 1
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
		f, ok := b.letters.Load(int64(0))
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
		f, _ := b.letters.Load(int64(0))
		if got, ok := f.(Failure); !ok || got.Class != message.ClassPanic || !strings.Contains(got.Reason(), "out of cheese") {
			t.Errorf("dead letter %+v, want class panic and its value", f)
		}
		_ = l.Drain(t.Context())
	})
}

// sayless panics when it is nil and asked what it says; causeless does when it
// is asked what it wraps.
type (
	sayless   struct{ text string }
	causeless struct{ cause error }
)

func (e *sayless) Error() string   { return e.text }
func (e *causeless) Error() string { return "broken" }
func (e *causeless) Unwrap() error { return e.cause }

func TestAnErrorThatCannotBeAskedIsAPanic(t *testing.T) {
	for name, handle := range map[string]func() error{
		"text":           func() error { var e *sayless; return e },
		"cause":          func() error { var e *causeless; return e },
		"wrapped":        func() error { var e *causeless; return message.Retry(e) },
		"wrapped text":   func() error { var e *sayless; return message.Retry(e) },
		"panic":          func() error { var e *sayless; panic(e) },
		"panicked cause": func() error { var e *causeless; panic(e) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, settings(), func(_ context.Context, m *message.Message) error {
					if m.Offset == 0 {
						return handle()
					}
					return nil
				})
				l := b.Assign(b)
				l.Deliver(batch(0, 2, "a", "b"))
				elapse(time.Second)
				f, ok := b.letters.Load(int64(0))
				if !ok || f.(Failure).Class != message.ClassPanic || f.(Failure).Reason() == "" {
					t.Errorf("dead letter %+v, want class panic", f)
				}
				if b.marks.Load() != 1 {
					t.Errorf("marked %d, want 1", b.marks.Load())
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

// A panic of the engine itself, or of who observes it, is no handler that called
// runtime.Goexit: it ends the process, and the message is not done before.
func TestAPanicOutsideTheHandlerCompletesNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 0 // the test is the worker
		b := start(t, cfg, func(context.Context, *message.Message) error { return nil })
		b.Observe(func(Event) { panic("observer") })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "k"))
		w := &worker{engine: b.Engine}
		b.mu.Lock()
		b.cfg.MaxWorkers = 1
		ready := l.fresh
		w.take()
		if ready[0] != nil {
			t.Error("what a worker has taken stays in memory with what waits")
		}
		b.mu.Unlock()
		func() {
			defer func() {
				if v := recover(); v != "observer" {
					t.Errorf("recovered %v, want the observer's panic", v)
				}
			}()
			w.run()
		}()
		if got := b.Stats().Records; got != 1 {
			t.Errorf("%d messages are not done, want 1", got)
		}
	})
}
