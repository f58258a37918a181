package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	// grace is what each step of the end has, however late it is.
	grace = 3 * time.Second
	// leaveTimeout is what a consumer has beyond its drain to commit, to leave its
	// group and to shut its handlers down while the broker does not answer.
	leaveTimeout = 10 * time.Second
)

// task is a function that runs in a goroutine of its own.
type task struct {
	name string
	done chan struct{} // closed when it has returned
	err  error         // set before
}

// begin runs f. Where there is a stop, its error stops the service.
func (s *Service) begin(name string, stop func(), f func() error) *task {
	t := &task{name: name, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		if err := message.Protect(context.Background(), func(context.Context) error { return f() }); err != nil {
			t.err = fmt.Errorf("%s: %w", name, err)
		}
		if t.err != nil && stop != nil {
			attrs := []any{"error", t.err}
			if p, ok := errors.AsType[*message.PanicError](t.err); ok {
				attrs = append(attrs, "stack", string(p.Stack()))
			}
			s.b.Log.Error("service failed, stopping", attrs...)
			stop()
		}
	}()
	return t
}

// await returns the errors of the tasks, of which each has what is left of the
// drain's time, some grace at least, and extra. It names those that do not return.
func (s *Service) await(extra time.Duration, tasks ...*task) error {
	var errs []error
	drain := s.b.drainTimeout()
	for _, t := range tasks {
		limit := max(drain-time.Since(s.stopped), min(drain, grace)) + extra
		late := time.NewTimer(limit)
		select {
		case <-t.done:
			errs = append(errs, t.err)
		case <-late.C:
			err := fmt.Errorf("%s: did not return within %v", t.name, limit.Round(time.Millisecond))
			s.b.Log.Error("service does not stop in order", "error", err)
			errs = append(errs, err)
		}
		late.Stop()
	}
	return errors.Join(errs...)
}

// unlessEnded returns err, unless it says no more than that ctx has ended.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
