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
// attempt.
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
		k.Send(Outgoing{Message: m, Timeout: time.Minute, Deadline: time.Now().Add(time.Minute), Done: done}, try)
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
		"no attempt can help":      {config.Publish{}, message.Permanent(errTest), 0, message.OutcomePermanent, "no majority"},
		"its time is up":           {config.Publish{}, errTest, time.Minute, message.OutcomeUnavailable, "given up after 1m0s: no majority"},
		"it has no attempts left":  {config.Publish{PublishRetryMaxAttempts: 3}, errTest, 2 * time.Second, message.OutcomeRetry, "given up after 3 attempts: no majority"},
		"the publisher is closing": {config.Publish{}, errTest, -1, message.OutcomeRetry, "publisher is closed: not published within DRAIN_TIMEOUT"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, send, f := keyed(t, tt.cfg)
				send(0, "a", func(ctx context.Context) error {
					if ctx.Err() != nil {
						return ctx.Err() // which says less than the attempt before
					}
					return tt.err
				})
				if tt.after < 0 {
					k.Abandon()
				}
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

func (f *fates) known() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.order)
}
