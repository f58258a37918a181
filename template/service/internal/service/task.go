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

// begin runs t in a goroutine of its own. Where there is a stop, its error stops
// the service.
func (s *Service) begin(ctx context.Context, t task, stop func()) *task {
	t.done = make(chan struct{})
	go func() {
		defer close(t.done)
		if err := message.Protect(ctx, t.call); err != nil {
			t.err = fmt.Errorf("%s: %w", t.name, err)
		}
		if t.err != nil && stop != nil {
			attrs := []any{"error", t.err}
			if p, ok := errors.AsType[*message.PanicError](t.err); ok {
				attrs = append(attrs, "stack", string(p.Stack))
			}
			s.b.Log.Error("service failed, stopping", attrs...)
			stop()
		}
	}()
	return &t
}

// await returns the errors of the tasks, of which each has what is left of the
// drain's time, some grace at least, and extra. It names those that do not return.
func (s *Service) await(extra time.Duration, tasks ...*task) error {
	var errs []error
	drain := s.b.drainTimeout()
	for _, t := range tasks {
		limit := max(drain-time.Since(s.stopped), min(drain, grace)) + extra
		select {
		case <-t.done:
			errs = append(errs, t.err)
		case <-time.After(limit):
			err := fmt.Errorf("%s: did not return within %v", t.name, limit.Round(time.Millisecond))
			s.b.Log.Error("service does not stop in order", "error", err)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
