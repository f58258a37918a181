package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var errLane = errors.New("the lane ends")

// attemptEnd is a way in which an attempt's context ends.
type attemptEnd struct {
	name       string
	end        func(c *attemptContext, endLane context.CancelCauseFunc)
	err, cause error
	within     time.Duration
}

const attemptTime = time.Second

// TestAContextOfAnAttempt shows that it ends as one of package context does, also
// for who derives another from it, whether it is asked before or only then.
func TestAContextOfAnAttempt(t *testing.T) {
	for _, c := range []attemptEnd{
		{"time is up", func(*attemptContext, context.CancelCauseFunc) {}, context.DeadlineExceeded, errTimeout, attemptTime},
		{"the lane ends", func(_ *attemptContext, endLane context.CancelCauseFunc) { endLane(errLane) }, context.Canceled, errLane, 0},
		{"the attempt ends", func(c *attemptContext, _ context.CancelCauseFunc) { c.end() }, context.Canceled, context.Canceled, 0},
	} {
		t.Run(c.name+", asked before", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { c.check(t, true) }) })
		t.Run(c.name+", asked after", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { c.check(t, false) }) })
	}
}

func (c attemptEnd) check(t *testing.T, before bool) {
	lane, endLane := context.WithCancelCause(t.Context())
	defer endLane(nil)
	ctx := &attemptContext{lane: lane, deadline: time.Now().Add(attemptTime)}
	defer ctx.end()
	began := time.Now()
	if !before {
		c.end(ctx, endLane)
		time.Sleep(c.within)
	}
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	if before {
		if ctx.Err() != nil || child.Err() != nil {
			t.Fatal("it has ended before anything ended it")
		}
		c.end(ctx, endLane)
	}
	<-ctx.Done()
	<-child.Done()
	if took := time.Since(began); took != c.within {
		t.Errorf("it ended after %v, want %v", took, c.within)
	}
	for _, x := range []context.Context{ctx, child} {
		if !errors.Is(x.Err(), c.err) || !errors.Is(context.Cause(x), c.cause) {
			t.Errorf("it ended with %v, %v; want %v, %v", x.Err(), context.Cause(x), c.err, c.cause)
		}
	}
}

// TestAContextThatIsNotAskedHasNoTimer is what attemptContext is for.
func TestAContextThatIsNotAskedHasNoTimer(t *testing.T) {
	type key struct{}
	ctx := &attemptContext{lane: t.Context(), deadline: time.Now().Add(time.Hour)}
	value := context.WithValue(ctx, key{}, 1)
	_, ok := value.Deadline()
	if ctx.end(); !ok || value.Value(key{}) != 1 || ctx.made != endedContext {
		t.Errorf("there is a timer, or no deadline: %v", ok)
	}
}

// A handler's context ends when the handler returns, whether it asked for that or not.
func TestAHandlersContextEndsWithItsAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxWorkers = 1
		var contexts []context.Context
		b := start(t, cfg, func(ctx context.Context, m *message.Message) error {
			if contexts = append(contexts, ctx); m.Offset == 0 && ctx.Err() != nil {
				t.Error("it has ended while its handler runs")
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 2))
		synctest.Wait()
		for i, ctx := range contexts {
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("the context of handler %d ended with %v, want %v", i, ctx.Err(), context.Canceled)
			}
		}
		_ = l.Drain(t.Context())
	})
}
