package engine

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// unreliable is a source whose commits may fail.
type unreliable struct {
	commit func(context.Context) error
	err    atomic.Pointer[error]
}

func (u *unreliable) Commit(ctx context.Context) error {
	if err := u.err.Load(); err != nil {
		return *err
	}
	return u.commit(ctx)
}

func TestCommitsThatFailForLongAreNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, settings(), func(context.Context, *message.Message) error { return nil })
		source := &unreliable{commit: b.commitMarks}
		b.commitMarks = source.Commit
		first, later := errors.New("not the coordinator"), errors.New("still not")
		source.err.Store(&first)
		l := b.Assign(b)
		l.Deliver(batch(0, 10))
		elapse(110 * time.Millisecond)
		source.err.Store(&later)
		elapse(280 * time.Millisecond)
		if err := b.Ready(); err != nil {
			t.Errorf("not ready before three intervals: %v", err)
		}
		elapse(20 * time.Millisecond)
		if err := b.Ready(); !errors.Is(err, first) {
			t.Errorf("ready says %v, want what failed first", err)
		}
		if got := b.Stats().FailedCommits; got != 4 {
			t.Errorf("%d commits failed, want 4", got)
		}
		source.err.Store(nil)
		elapse(100 * time.Millisecond)
		if err := b.Ready(); err != nil {
			t.Errorf("not ready after a commit: %v", err)
		}
		_ = l.Drain(t.Context())
	})
}

func TestALaneThatOneMessageHoldsBackIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.ErrorPolicy, cfg.MaxPollRecords, cfg.MaxUncommitted = PolicyRetry, 10, 40
		var cured atomic.Bool
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Offset == 1 && !cured.Load() {
				return message.Permanent(errors.New("poison"))
			}
			return nil
		})
		g := newGate()
		l := b.Assign(g)
		for i := range int64(10) {
			l.Deliver(batch(5*i, 5))
			synctest.Wait()
		}
		if err := b.Ready(); err != nil {
			t.Errorf("not ready at once: %v", err)
		}
		elapse(time.Second)
		if err := b.Ready(); err == nil || !strings.Contains(err.Error(), "payments/0: ") || !strings.Contains(err.Error(), "48 are done after the one at 1,") {
			t.Errorf("ready says %v, want the place of what holds the lane back", err)
		}
		cured.Store(true)
		elapse(10 * time.Second)
		if err := b.Ready(); err != nil || g.isClosed() {
			t.Errorf("ready %v, paused %v after it was done; want nil, false", err, g.isClosed())
		}
		_ = l.Drain(t.Context())
	})
}

// TestALaneThatWaitsForAFailureIsNotReady proves it of a partition whose messages all
// wait behind one that fails, and that it is ready as soon as something is done.
func TestALaneThatWaitsForAFailureIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.Ordering, cfg.ErrorPolicy, cfg.MaxPollRecords = OrderPartition, PolicyRetry, 10
		var cured atomic.Bool
		b := start(t, cfg, func(context.Context, *message.Message) error {
			if !cured.Load() {
				return errors.New("fails each time")
			}
			return nil
		})
		l := b.Assign(newGate())
		l.Deliver(batch(7, 20))
		elapse(10 * time.Minute)
		if err := b.Ready(); err == nil || !strings.Contains(err.Error(), "20 wait behind what fails and is tried again, the first at 7") {
			t.Errorf("ready says %v, want what holds the lane back", err)
		}
		cured.Store(true)
		elapse(time.Minute)
		if err := b.Ready(); err != nil || b.Stats().Records != 0 {
			t.Errorf("ready says %v after it was done", err)
		}
		_ = l.Drain(t.Context())
	})
}

// TestThreeLanesThatWaitAreNamed, and of the others their number.
func TestThreeLanesThatWaitAreNamed(t *testing.T) {
	for lanes, want := range map[int32]string{
		1: "^payments/0: [^;]+: down$",
		3: "^payments/0: [^;]+; payments/1: [^;]+; payments/2: [^;]+: down$",
		5: "^payments/0: [^;]+; payments/1: [^;]+; payments/2: [^;]+: down; 2 more partitions do not go on$",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, settings(), func(context.Context, *message.Message) error { return message.Unavailable(errors.New("down")) })
			for p := range lanes {
				l := b.Assign(newGate())
				m := batch(0, 1)
				m[0].Partition = p
				l.Deliver(m)
				defer func() { _ = l.Drain(t.Context()) }()
			}
			synctest.Wait()
			if err := b.Ready(); err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("of %d ready says %v", lanes, err)
			}
		})
	}
}

// TestALaneThatGoesOnBesideAFailureIsReady: slowly, and with more than it takes at once.
func TestALaneThatGoesOnBesideAFailureIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.ErrorPolicy, cfg.MaxPollRecords = PolicyRetry, 10
		b := start(t, cfg, func(_ context.Context, m *message.Message) error {
			if m.Offset == 0 {
				return errors.New("fails each time")
			}
			time.Sleep(cfg.CommitInterval)
			return nil
		})
		l := b.Assign(newGate())
		l.Deliver(batch(0, 1, "bad"))
		l.Deliver(batch(1, 30, "slow"))
		elapse(15 * cfg.CommitInterval)
		if s := b.Stats(); s.Paused != 1 || s.Records > 25 || b.Ready() != nil {
			t.Errorf("%d messages are left, paused %d, ready says %v", s.Records, s.Paused, b.Ready())
		}
		_ = l.Drain(t.Context())
	})
}

func TestALaneThatIsBusyIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := settings()
		cfg.MaxPollRecords, cfg.MaxUncommitted = 10, 10
		b := start(t, cfg, func(context.Context, *message.Message) error { time.Sleep(time.Second); return nil })
		l := b.Assign(newGate())
		l.Deliver(batch(0, 30))
		elapse(3500 * time.Millisecond)
		if s := b.Stats(); s.Paused != 1 || b.Ready() != nil {
			t.Errorf("%d paused, ready %v; want 1, nil: there is work", s.Paused, b.Ready())
		}
		_ = l.Drain(t.Context())
	})
}
