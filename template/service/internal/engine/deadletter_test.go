package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// It pauses exactly when pauseAfter messages were admitted since the last
// success, and one more asked.
func TestDeadLetteringPausesAfterTooManyInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := New(defaults(), nil, nil, nil, slog.New(slog.DiscardHandler))
		admitted := 0
		for i, success := range rapid.SliceOf(rapid.SampledFrom([]bool{false, false, false, false, false, false, false, false, true})).Draw(t, "successes") {
			if success {
				e.resumeDeadLettering("t")
				admitted = 0
				continue
			}
			want := admitted < 10
			if want {
				admitted++
			}
			if got := e.mayDeadLetter("t", errTest); got != want || !e.mayDeadLetter(strconv.Itoa(i), errTest) {
				t.Fatalf("admitted %v, want %v, and that of a topic of which none failed before", got, want)
			}
		}
	})
}

// defaults are the service's settings.
func defaults() Config {
	return Config{
		Engine: config.Engine{
			Ordering: OrderKey, MaxWorkers: 16, ErrorPolicy: PolicyDeadLetter, MaxPollRecords: 4096, MaxBufferBytes: 256 << 20,
			CommitInterval: time.Second, DrainTimeout: 15 * time.Second, HandlerTimeout: 30 * time.Second, StuckAfter: 5 * time.Minute,
		},
		Retry:          message.RetryPolicy{Kind: message.RetryExponential, MaxAttempts: 5, Delay: 100 * time.Millisecond, MaxDelay: 10 * time.Second},
		MaxUncommitted: 4 * 4096, CommitRecords: 50_000,
	}
}

// A database that is down for an hour makes few dead letters, however slowly it
// fails and whatever its errors ask for, and all messages are done once it is
// back.
func TestAnOutageMakesFewDeadLetters(t *testing.T) { //nolint:gocognit // one world, told in one place
	for _, takes := range []time.Duration{0, 5 * time.Second, 29 * time.Second} {
		for name, ask := range map[string]func(error) error{"retry": message.Retry, "plain": func(err error) error { return err }} {
			t.Run(fmt.Sprintf("%s/%v", name, takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var up atomic.Bool
					b := start(t, defaults(), func(ctx context.Context, _ *message.Message) error {
						if up.Load() {
							return nil
						}
						return ask(hang(ctx, takes))
					})
					l := b.Assign(b)
					for i := range 40 {
						keys := make([]string, 100)
						for k := range keys {
							keys[k] = strconv.Itoa(k)
						}
						l.Deliver(batch(int64(100*i), 100, keys...))
					}
					elapse(time.Hour)
					if n := b.count(DeadLettered); n > 20 {
						t.Errorf("after an hour in which nothing succeeded %d messages are dead letters", n)
					}
					if err := b.Ready(); err == nil || !strings.Contains(err.Error(), "payments") || !strings.Contains(err.Error(), "connect: timeout") {
						t.Errorf("ready says %v, want the topic and why", err)
					}
					if got := b.Stats().PausedTopics; !slices.Equal(got, []string{"payments"}) {
						t.Errorf("dead-lettering is paused of %q, want payments", got)
					}
					up.Store(true)
					elapse(time.Minute)
					if s := b.Stats(); s.Records != 0 || b.Ready() != nil || len(s.PausedTopics) != 0 {
						t.Errorf("a minute after it was back %d messages are left, ready %v, paused %q", s.Records, b.Ready(), s.PausedTopics)
					}
					_ = l.Drain(t.Context())
				})
			})
		}
	}
}

// 200 keys of one tenant fail, another tenant's messages are fine.
func TestFailuresOfOneTenantDelayNoOther(t *testing.T) { //nolint:gocognit // one world, told in one place
	for name, ask := range map[string]func(error) error{"unavailable": message.Unavailable, "retry": message.Retry, "plain": func(err error) error { return err }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var waited latencies
				b := start(t, defaults(), func(_ context.Context, m *message.Message) error {
					if m.Key[0] == 'A' {
						return ask(errors.New("tenant A's database is down"))
					}
					waited.add(time.Since(m.Time))
					return nil
				})
				l := b.Assign(b)
				offset := int64(0)
				deliver := func(tenant string) {
					l.Deliver(at(0, batch(offset, 1, fmt.Sprint(tenant, offset))))
					offset++
				}
				for range 200 {
					deliver("A")
				}
				const fine = 20 * 60 * 5
				for i := range fine {
					deliver("B")
					if i%5 == 0 && ask(nil) == nil && name != "unavailable" {
						deliver("A") // what failed before it became dead letters
					}
					elapse(200 * time.Millisecond)
				}
				if n, p99 := waited.p99(); n != fine || p99 > time.Second {
					t.Errorf("%d of %d messages of B were handled, p99 %v", n, fine, p99)
				}
				if got := b.count(DeadLettered); (got > 1000) != (name != "unavailable") {
					t.Errorf("%d dead letters; B's successes show that handlers work", got)
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

// What never comes to a handler neither waits for the pause nor ends it.
func TestWhatNeverReachesAHandlerIsNoPartOfThePause(t *testing.T) {
	for _, class := range []message.Class{message.ClassDecode, message.ClassInvalid, message.ClassUnhandled} {
		t.Run(string(class), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, defaults(), func(_ context.Context, m *message.Message) error {
					if m.Key[0] == 'x' {
						return message.Fail(class, "refused")
					}
					return errTest
				})
				l := b.Assign(b)
				for i := range 100 {
					l.Deliver(batch(int64(i), 1, strconv.Itoa(i)))
				}
				elapse(time.Minute)
				for i := range 1000 {
					l.Deliver(batch(int64(100+i), 1, fmt.Sprint("x", i)))
				}
				elapse(time.Second)
				if n := b.count(DeadLettered); n != 1000+pauseAfter {
					t.Errorf("%d dead letters, want the 1000 that reached no handler and the %d before the pause", n, pauseAfter)
				}
				elapse(time.Hour)
				if n := b.count(DeadLettered); n != 1000+pauseAfter {
					t.Errorf("%d dead letters after an hour, want no more", n)
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

// The first message that succeeds ends the pause of its topic, and only of that. A
// handler that refuses some messages for good may need nothing for that which the
// others lack.
func TestASuccessEndsThePauseOfItsTopic(t *testing.T) {
	for name, tt := range map[string]struct {
		topic   string
		outcome error
		resumed bool
	}{
		"success":       {"payments", nil, true},
		"permanent":     {"payments", message.Permanent(errTest), false},
		"unavailable":   {"payments", message.Unavailable(errTest), false},
		"panic":         {"payments", message.NewPanicError("down"), false},
		"unhandled":     {"payments", message.Fail(message.ClassUnhandled, "no handler"), false},
		"other group":   {"payments", message.ErrOtherGroup, false},
		"a handler's":   {"payments", message.Permanent(message.ErrOtherGroup), false},
		"another topic": {"accounts", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, defaults(), func(_ context.Context, m *message.Message) error {
					if m.Partition == 1 {
						return tt.outcome
					}
					return errTest
				})
				l, other := b.Assign(b), b.Assign(b)
				for i := range 15 {
					l.Deliver(batch(int64(i), 1, strconv.Itoa(i)))
				}
				elapse(time.Minute)
				if b.Stats().PausedTopics == nil {
					t.Fatal("dead-lettering goes on")
				}
				m := batch(0, 1)
				m[0].Topic, m[0].Partition = tt.topic, 1
				other.Deliver(m)
				elapse(time.Millisecond) // what waits is not due yet
				if s := b.Stats(); (s.PausedTopics == nil) != tt.resumed || (b.Ready() == nil) != tt.resumed {
					t.Errorf("paused %q, ready: %v; want it ended: %v", s.PausedTopics, b.Ready(), tt.resumed)
				}
				_ = l.Drain(t.Context())
				_ = other.Drain(t.Context())
			})
		})
	}
}

// When all that waits is gone, the pause is no reason not to be ready.
func TestNothingLeftToTryIsReady(t *testing.T) {
	for name, end := range map[string]func(*Lane){"drained": func(l *Lane) { _ = l.Drain(context.Background()) }, "lost": (*Lane).Lose} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, defaults(), func(context.Context, *message.Message) error { return errTest })
				l := b.Assign(b)
				for i := range 15 {
					l.Deliver(batch(int64(i), 1, strconv.Itoa(i)))
				}
				elapse(time.Minute)
				if b.Ready() == nil {
					t.Error("ready although dead-lettering is paused")
				}
				end(l)
				if err := b.Ready(); err != nil {
					t.Errorf("nothing is left to try, ready says %v", err)
				}
			})
		})
	}
}

func TestMessagesInOrderOfTheirKeyAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		var order []int64
		b := start(t, defaults(), func(_ context.Context, m *message.Message) error {
			if !up.Load() {
				return errTest
			}
			if string(m.Key) == "0" {
				order = append(order, m.Offset)
			}
			return nil
		})
		l := b.Assign(b)
		for i := range 60 {
			l.Deliver(batch(int64(i), 1, strconv.Itoa(i%20)))
		}
		elapse(time.Minute)
		up.Store(true)
		elapse(time.Minute)
		if !slices.IsSorted(order) || b.marks.Load() != 59 {
			t.Errorf("handled %v of a key, marked %d; want its order, and all", order, b.marks.Load())
		}
		_ = l.Drain(t.Context())
	})
}

// What the last attempt took is told with the dead letter, once: not while that is refused.
func TestADeadLetterTellsWhatItsHandlerTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []string
		b := start(t, defaults(), func(context.Context, *message.Message) error {
			time.Sleep(3 * time.Second)
			return message.Permanent(errors.New("no"))
		})
		b.Observe(func(e Event) { took = append(took, fmt.Sprint(e.Kind, " ", e.Elapsed)) })
		b.refuse.Store(true)
		b.Assign(b).Deliver(batch(0, 1))
		elapse(3 * time.Second)
		b.refuse.Store(false)
		elapse(time.Minute)
		if want := []string{"dead-letter-refused 0s", "dead-letter 3s"}; !slices.Equal(took, want) {
			t.Errorf("told %q, want %q", took, want)
		}
	})
}
