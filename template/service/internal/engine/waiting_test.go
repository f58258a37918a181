package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var errDown = errors.New("connect: timeout")

// hang is a dependency that does not answer, until the handler gives up.
func hang(ctx context.Context, takes time.Duration) error {
	if err := spend(ctx, takes); err != nil {
		return err
	}
	return errDown
}

// 200 keys of one tenant fail slowly, another tenant's messages are fine: in the same
// partition, with whatever the failures ask for, and whether or not they use up the
// handler's time. New keys of the first tenant come all the time.
func TestASlowlyFailingTenantDelaysNoOther(t *testing.T) { //nolint:gocognit // one world, told in one place
	for name, ask := range map[string]func(error) error{"unavailable": message.Unavailable, "retry": message.Retry, "plain": func(err error) error { return err }} {
		for _, takes := range []time.Duration{time.Second, 5 * time.Second, time.Minute} {
			t.Run(fmt.Sprintf("%s/%v", name, takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var waited latencies
					b := start(t, defaults(), func(ctx context.Context, m *message.Message) error {
						if m.Key[0] == 'A' {
							return ask(hang(ctx, takes))
						}
						waited.add(time.Since(m.Time))
						return nil
					})
					l := b.Assign(b)
					offset := int64(0)
					deliver := func(key string) {
						l.Deliver(at(0, batch(offset, 1, key)))
						offset++
					}
					every := max(1, int(takes/time.Second)) * 5 // a new key each time that an attempt takes
					for i := range 200 * every {
						if i%every == 0 {
							deliver(fmt.Sprint("A", i/every))
						}
						if i%5 == 0 {
							deliver(fmt.Sprint("B", i))
						}
						elapse(200 * time.Millisecond)
					}
					if n, p99 := waited.p99(); n != 40*every || p99 > time.Second {
						t.Errorf("%d of %d messages of B were handled, p99 %v", n, 40*every, p99)
					}
					l.Lose()
					elapse(time.Hour)
				})
			})
		}
	}
}

// What cannot be read is a dead letter at once, also while all else has failed
// for an hour and each attempt uses up its time.
func TestWhatNeverReachesAHandlerFlowsDuringASlowOutage(t *testing.T) { //nolint:gocognit // one world, told in one place
	for _, lanes := range []int{1, 2, 12} {
		for name, ask := range map[string]func(error) error{"unavailable": message.Unavailable, "retry": message.Retry} {
			t.Run(fmt.Sprintf("%d/%s", lanes, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := start(t, defaults(), func(ctx context.Context, m *message.Message) error {
						if m.Key[0] == 'x' {
							return message.Fail(message.ClassDecode, "not JSON")
						}
						return ask(hang(ctx, time.Minute))
					})
					all := make([]*Lane, lanes)
					for p := range all {
						all[p] = b.Assign(b)
						for i := range 240 / lanes {
							all[p].Deliver(at(int32(p), batch(int64(i), 1, strconv.Itoa(i))))
						}
					}
					elapse(time.Hour)
					before := b.count(DeadLettered)
					for i := range 1000 {
						all[i%lanes].Deliver(at(int32(i%lanes), batch(int64(1000+i), 1, fmt.Sprint("x", i))))
					}
					elapse(time.Second)
					if n := b.count(DeadLettered); before > 20 || n != before+1000 {
						t.Errorf("%d dead letters after an hour, %d a second later; want at most 20, and 1000 more", before, n)
					}
					for _, l := range all {
						l.Lose()
					}
					elapse(time.Hour)
				})
			})
		}
	}
}

// A handler may refuse messages for good without what is down. Those that need it are
// no more dead letters for that.
func TestPermanentFailuresAmongOthersDoNotEndThePause(t *testing.T) {
	for _, ordering := range []string{OrderKey, OrderNone, OrderPartition} {
		t.Run(ordering, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := defaults()
				cfg.Ordering = ordering
				b := start(t, cfg, func(ctx context.Context, m *message.Message) error {
					if m.Offset%3 == 0 {
						return message.Permanent(errors.New("the amount is negative"))
					}
					return message.Retry(hang(ctx, time.Second))
				})
				l, other := b.Assign(b), b.Assign(b)
				for i := range 2000 {
					l.Deliver(at(0, batch(int64(2*i), 1, strconv.Itoa(i%200))))
					other.Deliver(at(1, batch(int64(2*i+1), 1, strconv.Itoa(i%200))))
					elapse(time.Second)
				}
				outage := 0
				b.letters.Range(func(_, f any) bool {
					if errors.Is(f.(Failure).Err, errDown) {
						outage++
					}
					return true
				})
				if outage > 10 {
					t.Errorf("%d dead letters because of the outage, want 10", outage)
				}
				l.Lose()
				other.Lose()
				elapse(time.Hour)
			})
		})
	}
}

// In an outage the partitions may move from one member of the group to another, and back.
func TestAPauseOutlivesItsPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, defaults(), func(context.Context, *message.Message) error { return errDown })
		for i := range 60 {
			l := b.Assign(b)
			l.Deliver(batch(int64(100*i), 100))
			elapse(time.Minute)
			if i%2 == 0 {
				l.Lose()
			} else if err := l.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := b.count(DeadLettered); n > 20 {
			t.Errorf("after an hour in which nothing succeeded %d messages are dead letters", n)
		}
	})
}

// Two topics of which one fails whole, quickly or slowly: the other neither waits nor
// are its own failures kept from the dead letters.
func TestATopicThatFailsIsNoOthersTrouble(t *testing.T) {
	for _, takes := range []time.Duration{0, 5 * time.Second, time.Minute} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var waited latencies
				b := start(t, defaults(), func(ctx context.Context, m *message.Message) error {
					switch {
					case m.Topic == "accounts":
						return message.Retry(hang(ctx, takes))
					case m.Offset%10 == 0:
						return errTest
					}
					waited.add(time.Since(m.Time))
					return nil
				})
				failing, fine := b.Assign(b), b.Assign(b)
				for i := range 600 {
					m := at(1, batch(int64(10_000+i), 1, strconv.Itoa(i%200)))
					m[0].Topic = "accounts"
					failing.Deliver(m)
					fine.Deliver(at(0, batch(int64(i), 1, strconv.Itoa(i))))
					elapse(time.Second)
				}
				elapse(10 * time.Second) // the last failures use up their attempts
				if n, p99 := waited.p99(); n != 540 || p99 > time.Second {
					t.Errorf("%d of 540 messages were handled, p99 %v", n, p99)
				}
				s := b.Stats()
				if got := b.count(DeadLettered); got > 70 || got < 60 || strings.Join(s.PausedTopics, " ") != "accounts" && takes < time.Minute {
					t.Errorf("%d dead letters, paused %q; want the 60 of payments and 10, and accounts", got, s.PausedTopics)
				}
				failing.Lose()
				fine.Lose()
				elapse(time.Hour)
			})
		})
	}
}

// Each life of a partition may leave handlers behind that do not return. They count
// as handlers of the partition when it comes back.
func TestHandlersLeftBehindCountForTheirPartition(t *testing.T) {
	for _, workers := range []int{2, 3, 16} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.MaxWorkers = workers
				release := make(chan struct{})
				var handled atomic.Int64
				b := start(t, cfg, func(_ context.Context, m *message.Message) error {
					if m.Partition == 0 {
						<-release
					}
					handled.Add(1)
					return nil
				})
				other := b.Assign(b)
				for range 4 {
					stuck := b.Assign(b)
					stuck.Deliver(batch(0, 50))
					elapse(time.Second)
					_ = stuck.Drain(t.Context())
				}
				other.Deliver(at(1, batch(0, 50)))
				synctest.Wait()
				if n := handled.Load(); n != 50 {
					t.Errorf("%d of 50 messages of another partition were handled", n)
				}
				close(release)
				elapse(time.Second)
				last := b.Assign(b)
				last.Deliver(batch(0, 50))
				elapse(time.Second)
				if n, s := handled.Load(), b.Stats(); n < 100 || s.Records != 0 || s.Busy != 0 {
					t.Errorf("%d handled, %d left, %d busy once handlers returned", n, s.Records, s.Busy)
				}
				last.Lose()
				other.Lose()
			})
		})
	}
}

// A partition whose retries do not return leaves workers to the retries of others.
func TestADueRetryStartsBesideRetriesThatAreStuck(t *testing.T) {
	for _, workers := range []int{2, 3, 4, 7, 16, 100} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := settings()
				cfg.MaxWorkers, cfg.MaxPollRecords = workers, 10_000
				var waited latencies
				b := start(t, cfg, func(_ context.Context, m *message.Message) error {
					switch {
					case m.Attempt == 1:
						return message.RetryAfter(time.Second, errTest)
					case m.Partition == 0:
						time.Sleep(time.Hour)
					default:
						waited.add(time.Since(m.Time) - time.Second)
					}
					return nil
				})
				stuck, l := b.Assign(b), b.Assign(b)
				stuck.Deliver(batch(0, 500))
				elapse(time.Minute)
				for i := range 100 {
					l.Deliver(at(1, batch(int64(i), 1)))
					elapse(100 * time.Millisecond)
				}
				elapse(time.Second)
				if n, p99 := waited.p99(); n != 100 || p99 > time.Second {
					t.Errorf("%d of 100 retries started, p99 %v after they were due", n, p99)
				}
				stuck.Lose()
				l.Lose()
				elapse(2 * time.Hour)
			})
		})
	}
}
