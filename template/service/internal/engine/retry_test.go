package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// delaysOf returns the delays, in seconds, after each outcome of one message.
func delaysOf(t *testing.T, retry message.RetryPolicy, outcomes ...error) string {
	var delays []int
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.Retry = retry
		calls := 0
		b := start(t, cfg, func(context.Context, *message.Message) error {
			if calls++; calls > len(outcomes) {
				return nil
			}
			return outcomes[calls-1]
		})
		b.Observe(func(e Event) {
			if e.Kind != Handled {
				delays = append(delays, int(e.Delay/time.Second))
			}
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Hour)
		_ = l.Drain(t.Context())
	})
	return fmt.Sprint(delays)
}

func TestTheBackoffBeginsAnewWhenTheReasonChanges(t *testing.T) {
	policy := message.RetryPolicy{Kind: message.RetryFibonacci, MaxAttempts: 10, Delay: time.Second, MaxDelay: time.Minute}
	away, again := message.Unavailable(errTest), message.Retry(errTest)
	if got := delaysOf(t, policy, away, away, away, away, again, again, errTest, away, away); got != "[1 2 3 5 1 2 3 1 2]" {
		t.Errorf("delays %s, want each series from the start", got)
	}
}

func TestRetryAfterIsTheDelayOfOneRetry(t *testing.T) {
	policy := message.RetryPolicy{Kind: message.RetryFibonacci, MaxAttempts: 10, Delay: time.Second, MaxDelay: time.Minute}
	if got := delaysOf(t, policy, errTest, message.RetryAfter(100*time.Second, errTest), errTest, errTest); got != "[1 100 2 3]" {
		t.Errorf("delays %s, want 100 once", got)
	}
}

func TestARegistrationHasItsOwnRetryPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 5, Delay: time.Minute, MaxDelay: time.Minute}
		var at []time.Duration
		began := time.Now()
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			at = append(at, time.Since(began))
			m.Retry = &own
			return errors.New("broken")
		})
		most := 0
		b.Observe(func(e Event) { most = e.Message.Retry.MaxAttempts })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Hour)
		if got := fmt.Sprint(at); got != "[0s 1m0s 2m0s 3m0s 4m0s]" || most != 5 {
			t.Errorf("attempts at %s of %d, want one a minute, of 5", got, most)
		}
		if _, ok := b.letters.Load(int64(0)); !ok {
			t.Error("no dead letter")
		}
		_ = l.Drain(t.Context())
	})
}

// A handler whose time is up asks for what it asks for.
func TestATimeoutKeepsWhatItsErrorAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.HandlerTimeout = time.Second
		calls := 0
		b := start(t, cfg, func(ctx context.Context, _ *message.Message) error {
			calls++
			<-ctx.Done()
			return message.Permanent(context.Cause(ctx))
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Minute)
		f, _ := b.letters.Load(int64(0))
		if got, ok := f.(Failure); calls != 1 || !ok || got.Class != message.ClassTimeout || !errors.Is(got.Err, errTimeout) {
			t.Errorf("%d calls, dead letter %+v; want 1, of class timeout", calls, f)
		}
		_ = l.Drain(t.Context())
	})
}

// One that succeeded although its time was up is done.
func TestALateSuccessIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.HandlerTimeout = time.Second
		b := start(t, cfg, func(context.Context, *message.Message) error { time.Sleep(2 * time.Second); return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Minute)
		if b.marks.Load() != 0 || b.count(Handled) != 1 {
			t.Errorf("marked %d, want 0", b.marks.Load())
		}
		_ = l.Drain(t.Context())
	})
}
