package engine

import (
	"context"
	"errors"
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

// Handlers that are told to give up fail as they do when a database is down.
// That must not hold back those of the lanes that stay.
func TestADrainDoesNotOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.BreakerFailures, cfg.Retry.PlainErrors = 3, true
		b := start(t, cfg, func(ctx context.Context, _ *message.Message) error {
			<-ctx.Done()
			return ctx.Err()
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 4, "a", "b", "c", "d"))
		synctest.Wait()
		_ = l.Drain(t.Context())
		if err := b.Ready(); err != nil {
			t.Errorf("after a drain: %v", err)
		}
	})
}

// unanswered is where dead letters go while nobody answers.
type unanswered struct{}

func (unanswered) DeadLetter(ctx context.Context, _ *message.Message, _ Failure) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADrainGivesUpDeadLettersThatNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return errors.New("broken") })
		b.dead = unanswered{}
		l := b.Assign(b)
		l.Deliver(batch(0, 1, "a"))
		synctest.Wait()
		if err := l.Drain(t.Context()); err != nil {
			t.Errorf("the drain says %v, want nothing that still runs", err)
		}
		if b.marks.Load() != -1 || b.Ready() != nil {
			t.Errorf("marked %d, ready %v; want -1, nil", b.marks.Load(), b.Ready())
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
				if !g.closed {
					t.Error("not paused above its watermark")
				}
				end(l)
				if g.closed {
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
		other.Deliver(batch(0, 1, "busy")) // nobody is free to take what comes
		l.Lose()
		elapse(time.Minute)
		b.mu.Lock()
		if len(b.turns) != 0 {
			t.Error("a lane that ended stands in line")
		}
		b.mu.Unlock()
		close(release)
		elapse(time.Second)
		other.Lose()
	})
}
