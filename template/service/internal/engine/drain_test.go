package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

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

func TestALostLaneMarksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 3))
		synctest.Wait()
		l.Lose()
		elapse(time.Second) // the engine commits meanwhile
		_ = l.Drain(t.Context())
		if b.marks.Load() != -1 {
			t.Errorf("marked %d after the lane was lost", b.marks.Load())
		}
	})
}

// Handlers that must give up fail as they do when a database is down. That says
// nothing about the topic.
func TestADrainDoesNotPauseDeadLettering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers, cfg.Retry.MaxAttempts = 2*pauseAfter, 1
		b := start(t, cfg, func(ctx context.Context, m *message.Message) error {
			if m.Partition == 1 {
				return errTest
			}
			<-ctx.Done()
			return ctx.Err()
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 2*pauseAfter))
		synctest.Wait()
		_ = l.Drain(t.Context())
		next := b.Assign(b)
		m := batch(0, 1)
		m[0].Partition = 1
		next.Deliver(m)
		elapse(time.Second)
		if _, ok := b.letters.Load(int64(0)); !ok || b.Ready() != nil {
			t.Errorf("dead letter %v, ready %v after a drain; want true, nil", ok, b.Ready())
		}
		_ = next.Drain(t.Context())
	})
}

func TestALostLaneEndsTheContextsOfItsHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		b := start(t, settings(), func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 1))
		synctest.Wait()
		l.Lose()
		synctest.Wait()
		if !errors.Is(cause, errDraining) || b.Stats().Busy != 0 {
			t.Errorf("the handler's context ended with %v, %d run; want %v, 0", cause, b.Stats().Busy, errDraining)
		}
	})
}

func TestALaneCanBeLostWhileItDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(ctx context.Context, m *message.Message) error {
			if m.Offset == 0 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 2))
		synctest.Wait()
		time.AfterFunc(50*time.Millisecond, l.Lose)
		began := time.Now()
		if err := l.Drain(t.Context()); err != nil || time.Since(began) != 50*time.Millisecond || b.marks.Load() != -1 || b.commits.Load() != 0 {
			t.Errorf("drained after %v with %v, marked %d, %d commits; want 50ms, nil, -1, 0", time.Since(began), err, b.marks.Load(), b.commits.Load())
		}
	})
}

// A handler that ignores its context outlives its lane. When the lane comes
// back, the key waits for it, and other keys do not.
// TestAHandlerThatOutlivesTwoLivesReleasesNothingOfThem, as others may have handled what waited
// behind it.
func TestAHandlerThatOutlivesTwoLivesReleasesNothingOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started atomic.Int64
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if string(m.Key) == "a" && started.Add(1) == 1 {
				time.Sleep(time.Minute)
			}
			return nil
		})
		for range 2 {
			l := b.Assign(b)
			l.Deliver(batch(0, 2, "a", "b"))
			elapse(time.Second)
			l.Lose()
		}
		l := b.Assign(b)
		l.Deliver(batch(2, 1, "b"))
		elapse(2 * time.Minute)
		if n := started.Load(); n != 1 {
			t.Errorf("handlers of the key began %d times, want 1: nothing of it was delivered again", n)
		}
		l.Deliver(batch(3, 1, "a"))
		elapse(time.Second)
		if started.Load() != 2 || b.marks.Load() != 3 {
			t.Errorf("the next message of the key: %d began, marked %d; want 2, 3", started.Load(), b.marks.Load())
		}
	})
}

func TestAKeyWaitsForItsHandlerOfAnEarlierLife(t *testing.T) {
	for _, ordering := range []string{OrderKey, OrderPartition} {
		t.Run(ordering, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				running, most, others, handled := 0, 0, 0, 0
				cfg := settings()
				cfg.Ordering = ordering
				b := start(t, cfg, func(_ context.Context, m *message.Message) error {
					mu.Lock()
					defer mu.Unlock()
					if string(m.Key) == "b" {
						others++
						return nil
					}
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Minute)
					mu.Lock()
					running--
					handled++
					return nil
				})
				var l *Lane
				for range 3 { // rebalances
					l = b.Assign(b)
					l.Deliver(batch(0, 2, "a", "b"))
					elapse(time.Second)
					_ = l.Drain(t.Context())
				}
				l = b.Assign(b)
				l.Deliver(batch(0, 2, "a", "b"))
				elapse(30 * time.Second)
				mu.Lock()
				if most != 1 || handled != 0 || ordering == OrderKey && others != 4 {
					t.Errorf("%d handlers of one key ran at once, %d of the others; want 1, 4", most, others)
				}
				mu.Unlock()
				elapse(2 * time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if most != 1 || handled != 2 || b.marks.Load() != 1 {
					t.Errorf("%d at once, %d ended, marked %d; want 1, 2, 1", most, handled, b.marks.Load())
				}
				if len(l.keys) != 0 {
					t.Errorf("%d keys are still kept back", len(l.keys))
				}
				_ = l.Drain(t.Context())
			})
		})
	}
}

// unanswered is where dead letters go while nobody answers.
type unanswered struct{}

func (unanswered) DeadLetter(ctx context.Context, _ *message.Message, _ Failure) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADrainGivesUpDeadLettersThatNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return message.Permanent(errors.New("broken")) })
		b.dead = unanswered{}
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		synctest.Wait()
		if err := l.Drain(t.Context()); err != nil {
			t.Errorf("the drain says %v, want nothing that still runs", err)
		}
		if refused := b.count(DeadLetterRefused); b.marks.Load() != -1 || b.Ready() != nil || refused != 0 {
			t.Errorf("marked %d, ready %v, %d refused; want -1, nil, 0", b.marks.Load(), b.Ready(), refused)
		}
	})
}

// A key that waited for a handler of an earlier life ends with its lane.
func TestAKeyThatWaitedIsForgottenWithItsLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error {
			handled.Add(1)
			time.Sleep(time.Minute)
			return nil
		})
		for range 2 {
			l := b.Assign(b)
			l.Deliver(batch(0, 1, "a"))
			synctest.Wait()
			l.Lose()
		}
		elapse(time.Hour)
		if handled.Load() != 1 || len(b.turns) != 0 {
			t.Errorf("%d handlers ran, %d lanes have a turn; want 1, 0", handled.Load(), len(b.turns))
		}
	})
}

func TestNoHandlerStartsAfterTheEngineStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handled atomic.Int64
		b := start(t, settings(), func(context.Context, *message.Message) error { handled.Add(1); return nil })
		l := b.Assign(b)
		b.stop()
		synctest.Wait()
		l.Deliver(batch(0, 10))
		elapse(time.Second)
		if err := <-b.result; err != nil || handled.Load() != 0 {
			t.Errorf("%d handlers started after Run returned %v", handled.Load(), err)
		}
		_ = l.Drain(t.Context())
	})
}

func TestADrainDoesNotWaitForRefusedDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return message.Permanent(errTest) })
		b.refuse.Store(true)
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		elapse(time.Minute) // the backoff is at its longest
		began := time.Now()
		if err := l.Drain(t.Context()); err != nil || time.Since(began) != 0 {
			t.Errorf("drained with %v after %v, want at once", err, time.Since(began))
		}
	})
}

func TestALaneThatEndedPausedFlowsAgain(t *testing.T) {
	for name, end := range map[string]func(*Lane){"drained": func(l *Lane) { _ = l.Drain(context.Background()) }, "lost": (*Lane).Lose} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, settings(), func(ctx context.Context, _ *message.Message) error { <-ctx.Done(); return ctx.Err() })
				g := newGate()
				l := b.Assign(g)
				l.Deliver(batch(0, 200))
				if !g.isClosed() {
					t.Error("not paused above its watermark")
				}
				end(l)
				if g.isClosed() {
					t.Error("paused for ever: the pause outlives the lane")
				}
				synctest.Wait()
			})
		})
	}
}

func TestARetryOfALaneThatEndedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers, cfg.Retry.Delay = 1, time.Second
		release := make(chan struct{})
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if string(m.Key) == "busy" {
				<-release
				return nil
			}
			return message.Retry(errors.New("later"))
		})
		l, other := b.Assign(b), b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		synctest.Wait()
		other.Deliver(batch(0, 2, "busy", "waits")) // no worker is free to take what comes
		l.Lose()
		elapse(time.Minute)
		b.mu.Lock()
		if len(b.turns) != 1 || len(l.timers) != 0 {
			t.Errorf("%d lanes wait for their turn, %d timers are kept; want the other one, and none", len(b.turns), len(l.timers))
		}
		b.mu.Unlock()
		close(release)
		elapse(time.Second)
		other.Lose()
	})
}
