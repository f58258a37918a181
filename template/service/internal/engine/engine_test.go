package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// bench is an engine with one partition's worth of fakes around it.
type bench struct {
	*Engine
	marks   atomic.Int64 // the last marked offset, -1 for none
	commits atomic.Int64
	counts  [len(kinds)]atomic.Int64 // of events
	letters sync.Map                 // offset to Failure
	refuse  atomic.Bool
	stop    context.CancelFunc
	result  chan error
}

// count returns how often a kind of event happened.
func (b *bench) count(k EventKind) int64 { return b.counts[k].Load() }

func (b *bench) Mark(offset int64)            { b.marks.Store(offset) }
func (b *bench) Commit(context.Context) error { b.commits.Add(1); return nil }
func (b *bench) Pause()                       {}
func (b *bench) Resume()                      {}

func (b *bench) DeadLetter(_ context.Context, m *message.Message, f Failure) error {
	if b.refuse.Load() {
		return errors.New("no such topic")
	}
	b.letters.Store(m.Offset, f)
	return nil
}

func settings() Config {
	return Config{
		Engine: config.Engine{
			Ordering: OrderKey, MaxWorkers: 4, ErrorPolicy: PolicyDeadLetter, MaxPollRecords: 100, MaxBufferBytes: 1 << 30,
			CommitInterval: 100 * time.Millisecond, DrainTimeout: time.Second, HandlerTimeout: time.Minute, StuckAfter: 5 * time.Minute,
		},
		Retry:          message.RetryPolicy{Kind: message.RetryFixed, MaxAttempts: 3, Delay: 10 * time.Millisecond, MaxDelay: time.Second},
		MaxUncommitted: 400, CommitRecords: 1000,
	}
}

// start runs an engine until the test ends.
func start(t *testing.T, cfg Config, h message.HandlerFunc) *bench {
	t.Helper()
	b := &bench{result: make(chan error, 1)}
	b.marks.Store(-1)
	b.Engine = New(cfg, h, b, b.Commit, slog.New(slog.DiscardHandler))
	b.Observe(func(e Event) { b.counts[e.Kind].Add(1) })
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	go func() { b.result <- b.Run(ctx) }()
	t.Cleanup(stop)
	return b
}

// elapse lets time pass, and everything that happens in it.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// batch makes n messages from the given offset on, with the given keys in turn.
func batch(from int64, n int, keys ...string) []message.Message {
	out := make([]message.Message, n)
	for i := range out {
		out[i] = message.Message{Topic: "payments", Offset: from + int64(i), Value: []byte("{}")}
		if len(keys) > 0 {
			out[i].Key = []byte(keys[i%len(keys)])
		}
	}
	return out
}

func TestCommitFollowsTheLowWaterMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := start(t, settings(), func(_ context.Context, m *message.Message) error {
			if m.Offset == 2 {
				<-gate
			}
			return nil
		})
		l := b.Assign(b)
		l.Deliver(batch(0, 6, "a", "b", "c", "d", "e", "f"))
		elapse(time.Second)
		if got := b.marks.Load(); got != 1 {
			t.Errorf("marked %d while 2 runs, want 1", got)
		}
		if got := b.Stats().Window; got != 4 {
			t.Errorf("window is %d, want 4", got)
		}
		close(gate)
		elapse(time.Second)
		if got := b.marks.Load(); got != 5 {
			t.Errorf("marked %d at rest, want 5", got)
		}
		commits := b.commits.Load()
		elapse(time.Second)
		if b.commits.Load() != commits {
			t.Error("commits although nothing moved")
		}
		_ = l.Drain(t.Context())
	})
}

func TestManyTerminalMessagesBringTheCommitForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.CommitInterval, cfg.CommitRecords = time.Hour, 10
		b := start(t, cfg, func(context.Context, *message.Message) error { return nil })
		l := b.Assign(b)
		l.Deliver(batch(0, 10))
		synctest.Wait()
		if b.commits.Load() != 1 {
			t.Errorf("%d commits, want 1", b.commits.Load())
		}
		_ = l.Drain(t.Context())
	})
}

// Dead letters and skipped messages count as well, and the count begins anew with
// each commit.
func TestTerminalMessagesAreCountedFromTheLastCommitOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.CommitInterval, cfg.CommitRecords = time.Hour, 10
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Offset%2 == 0 {
				return message.Permanent(errTest)
			}
			return nil
		})
		l := b.Assign(b)
		for i := range int64(99) {
			l.Deliver(batch(i, 1))
			synctest.Wait()
		}
		if b.commits.Load() != 9 {
			t.Errorf("%d commits for 99 messages, want one for each 10", b.commits.Load())
		}
		_ = l.Drain(t.Context())
	})
}

// Run: a commit that hangs keeps neither the policy stop nor the end waiting.
func TestACommitThatHangsDoesNotKeepTheEngineFromStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.ErrorPolicy, cfg.Retry.MaxAttempts = PolicyStop, 1
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Offset == 1 {
				return errTest
			}
			return nil
		})
		b.commitMarks = hanging{}.Commit
		l := b.Assign(b)
		l.Deliver(batch(0, 1))
		elapse(time.Second)
		l.Deliver(batch(1, 1))
		synctest.Wait()
		select {
		case err := <-b.result:
			if !errors.Is(err, errTest) {
				t.Errorf("stopped with %v", err)
			}
		default:
			t.Error("it waits for the commit")
		}
		l.Lose()
	})
}

// hanging is a source whose commits get no answer.
type hanging struct{}

func (hanging) Commit(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
