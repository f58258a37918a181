//go:build !kafka

package publisher

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var errTest = errors.New("no majority")

// keyed returns an empty queue, and what sends to it a message with a number, a key and an
// attempt. Message n has n + 1 minutes.
func keyed(t *testing.T, cfg config.Publish) (k *Keys, send func(n int, key string, try func(context.Context) error), f *fates) {
	t.Helper()
	cfg.PublishRetryPolicy, cfg.PublishRetryDelay, cfg.PublishRetryMaxDelay = "fixed", time.Second, time.Second
	k, f = NewKeys(cfg), newFates()
	return k, func(n int, key string, try func(context.Context) error) {
		m := &message.Message{Topic: "transfers"}
		if key != "" {
			m.Key = []byte(key)
		}
		done := func(err error) { f.of(n)(message.Delivery{}, err) }
		timeout := time.Duration(n+1) * time.Minute
		k.Send(Outgoing{Message: m, Timeout: timeout, Deadline: time.Now().Add(timeout), Done: done}, try)
		synctest.Wait()
	}, f
}

func written(context.Context) error { return nil }

// TestAMessageWaitsForThatBeforeItInItsKey, however often that is tried, and for no other.
func TestAMessageWaitsForThatBeforeItInItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, send, f := keyed(t, config.Publish{})
		began := time.Now()
		send(0, "a", func(context.Context) error {
			if time.Since(began) < 3*time.Second {
				return errTest
			}
			return nil
		})
		send(1, "a", written)
		send(2, "b", written)
		send(3, "", written)
		if n := f.known(); n != 2 {
			t.Errorf("at once, %d were written, want those of no and another key", n)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if !slices.Equal(f.order, []int{2, 3, 0, 1}) || f.errs[0] != nil || f.errs[1] != nil {
			t.Errorf("then %v were written: %v", f.order, f.errs)
		}
	})
}

// TestWhenAMessageIsGivenUp, those behind it have their turn.
func TestWhenAMessageIsGivenUp(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg     config.Publish
		err     error
		after   time.Duration
		outcome message.Outcome
		says    string
	}{
		"no attempt can help":                    {config.Publish{}, message.Permanent(errTest), 0, message.OutcomePermanent, "no majority"},
		"the broker refuses it":                  {config.Publish{}, message.Retry(message.ErrRefused), 0, message.OutcomeRetry, "the broker refuses the message"},
		"its time is up":                         {config.Publish{}, errTest, time.Minute, message.OutcomeUnavailable, "given up after 1m0s: no majority"},
		"its time is up, and the broker answers": {config.Publish{}, message.Retry(errTest), time.Minute, message.OutcomeRetry, "given up after 1m0s: no majority"},
		"it has no attempts left":                {config.Publish{PublishRetryMaxAttempts: 3}, errTest, 2 * time.Second, message.OutcomeRetry, "given up after 3 attempts: no majority"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, send, f := keyed(t, tt.cfg)
				send(0, "a", func(ctx context.Context) error {
					if ctx.Err() != nil {
						return ctx.Err() // which says less than the attempt before
					}
					return tt.err
				})
				send(1, "a", written)
				time.Sleep(tt.after - time.Nanosecond)
				if synctest.Wait(); tt.after > 0 && f.known() > 0 {
					t.Errorf("given up too early: %v", f.errs)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if !slices.Equal(f.order, []int{0, 1}) || f.errs[0] == nil || f.errs[0].Error() != tt.says || message.OutcomeOf(f.errs[0]) != tt.outcome || f.errs[1] != nil {
					t.Errorf("%v were told %v, want the first %q", f.order, f.errs, tt.says)
				}
			})
		})
	}
}

// TestWhatIsGivenUpIsNotTriedLater, when its turn comes too late and when the publisher closes.
func TestWhatIsGivenUpIsNotTriedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, send, f := keyed(t, config.Publish{})
		tried := map[int]bool{}
		waits := func(until time.Duration) func(context.Context) error {
			began := time.Now()
			return func(context.Context) error {
				time.Sleep(until - time.Since(began)) // as a client does that does not look at the context
				return errTest
			}
		}
		try := func(n int) func(context.Context) error {
			return func(context.Context) error { tried[n] = true; return nil }
		}
		send(1, "a", waits(5*time.Minute))
		send(2, "a", try(2))
		send(6, "a", try(6))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if err := f.errs[2]; tried[2] || message.OutcomeOf(err) != message.OutcomeUnavailable || err.Error() != "given up after 3m0s: those before it in its key took that long" {
			t.Errorf("that whose time was up was tried: %t, and got %v", tried[2], err)
		}
		if !tried[6] || f.errs[6] != nil {
			t.Errorf("the next was tried: %t, and got %v", tried[6], f.errs[6])
		}
		send(7, "a", waits(time.Minute))
		send(8, "a", try(8))
		k.Abandon()
		time.Sleep(time.Minute)
		synctest.Wait()
		for n := 7; n <= 8; n++ {
			if err := f.errs[n]; tried[n] || !errors.Is(err, ErrAbandoned) || message.OutcomeOf(err) != message.OutcomeRetry {
				t.Errorf("after the end, %d was tried: %t, and got %v", n, tried[n], err)
			}
		}
	})
}

func (f *fates) known() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.order)
}
