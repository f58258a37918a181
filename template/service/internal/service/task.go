package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// grace is what each step of the end has, however late it is.
	grace = 3 * time.Second
	// leaveTimeout is what a consumer has beyond its drain to commit, to leave its
	// group and to shut its handlers down while the broker does not answer.
	leaveTimeout = 25 * time.Second
)

// task is a function that runs in a goroutine of its own.
type task struct {
	name string
	done chan struct{} // closed when it has returned
	err  error         // set before
}

// begin runs f. Its error stops the service, where there is a stop.
func (s *Service) begin(name string, stop func(), f func() error) *task {
	t := &task{name: name, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		if err := f(); err != nil && !errors.Is(err, context.Canceled) {
			t.err = fmt.Errorf("%s: %w", name, err)
		}
		if t.err != nil && stop != nil {
			s.b.Log.Error("stopping, because a part of the service failed", "error", t.err)
			stop()
		}
	}()
	return t
}

// await returns the task's error, or one that names it when it does not return
// in time.
func (t *task) await(limit time.Duration) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-t.done:
		return t.err
	case <-late.C:
		return fmt.Errorf("%s: did not return within %v", t.name, limit.Round(time.Millisecond))
	}
}

// ending is the end of a service, whose steps share one drain's time.
type ending struct {
	began time.Time
	drain time.Duration
	log   *slog.Logger
	errs  []error
}

// left returns what is left of the drain's time, but some grace at least.
func (e *ending) left() time.Duration { return max(e.drain-time.Since(e.began), grace) }

// await waits for the tasks, for what is left of the time and extra.
func (e *ending) await(extra time.Duration, tasks ...*task) {
	for _, t := range tasks {
		e.note(t.await(e.left() + extra))
	}
}

func (e *ending) note(err error) {
	if err != nil {
		e.log.Error("failed to stop in order", "error", err)
		e.errs = append(e.errs, err)
	}
}

// state is why the service does not work, nil when it does.
type state struct{ err atomic.Pointer[error] }

func (s *state) set(err error) { s.err.Store(&err) }

func (s *state) get() error { return *s.err.Load() }
