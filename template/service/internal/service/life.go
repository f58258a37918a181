package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sethvargo/go-retry"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Run starts the service, works until ctx ends or a part of it fails, and ends
// it. It returns nil when ctx ended and everything ended as it should, and all
// errors otherwise.
//
// The start: /readyz is served; the Start functions succeed, then codecs and
// handlers, one after another; the consumers and the Run functions run. The end:
// the consumers drain and commit; then end the handlers and codecs, the Run
// functions, the Close functions and the publisher, one after another. All of it
// has DRAIN_TIMEOUT; what does not return in time is named and left behind.
func (s *Service) Run(ctx context.Context) error {
	told := ctx                     // to stop, from outside
	ctx = s.tracing.NewContext(ctx) //forge:if otel
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	noteStop := sync.OnceFunc(func() { s.noteStop(ctx, told.Err() != nil) })
	defer context.AfterFunc(ctx, noteStop)()
	beyond := context.WithoutCancel(ctx) // what runs on when ctx has ended
	serving, endServing := context.WithCancel(beyond)
	defer endServing()
	beside, endBeside := context.WithCancel(beyond)
	defer endBeside()

	serve := func(ctx context.Context) error { return s.ops.Serve(ctx, s.listener, s.b.Log) }
	server := task{"ops", serve}.begin(serving, stop)
	var consumers, besides []task
	err := s.start(ctx)
	if err == nil && ctx.Err() == nil {
		for _, t := range s.b.besides {
			besides = append(besides, t.begin(beside, stop))
		}
		for _, c := range s.consumers {
			consumers = append(consumers, task{"consumer " + c.Name(), c.Run}.begin(ctx, stop))
		}
		serveHTTP := func(ctx context.Context) error { return s.b.API.Serve(ctx, s.http) } //forge:if http
		consumers = append(consumers, task{"http", serveHTTP}.begin(ctx, stop))            //forge:if http
		s.ops.SetState(nil)
		<-ctx.Done()
	}
	stop(err)

	noteStop()
	s.ops.SetState(errors.New("stopping"))
	errs := []error{err, s.finish(leaveTimeout, consumers...), s.finish(grace, s.shutdowns...)}
	endBeside()
	errs = append(errs, s.finish(0, besides...), s.finish(0, s.b.closers...))
	closePublisher := func(context.Context) error { return s.publisher.Close(s.remaining()) }
	errs = append(errs, s.finish(grace, task{"close publisher", closePublisher}))
	traces := task{"export traces", s.tracing.Shutdown}.begin(beyond, stop) //forge:if otel
	endServing()
	errs = append(errs, s.finish(grace, server))
	errs = append(errs, s.finish(grace, traces)) //forge:if otel
	s.b.Log.Info("stopped", "took", time.Since(s.stopped).Round(time.Millisecond))
	return errors.Join(errs...)
}

// noteStop logs why ctx ended: the service was told to stop, or a part of it failed.
func (s *Service) noteStop(ctx context.Context, isTold bool) {
	s.stopped = time.Now()
	cause := context.Cause(ctx)
	if isTold {
		s.b.Log.Info("stopping", "cause", cause, "drain_timeout", s.b.drainTimeout())
		return
	}
	attrs := []any{"error", cause}
	if p, ok := errors.AsType[*message.PanicError](cause); ok {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	s.b.Log.Error("service failed, stopping", attrs...)
}

// startPolicy says when a start that failed is tried again.
var startPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 5 * time.Second}

// start calls what starts, each until it succeeds or fails for good. When ctx ends
// before all have succeeded it returns nil.
func (s *Service) start(ctx context.Context) error {
	for _, t := range s.b.starts {
		outage := ops.Outage{Log: s.b.Log}
		s.ops.SetState(fmt.Errorf("starting: %s has not returned", t.name))
		err := retry.Do(ctx, startPolicy.Backoff(), func(ctx context.Context) error {
			err := t.do(ctx, s.b.drainTimeout())
			if ctx.Err() != nil || !isUnavailable(err) {
				return err
			}
			s.ops.SetState(err)
			outage.Failed("start failed, retrying", err)
			return retry.RetryableError(err)
		})
		if ctx.Err() != nil {
			s.b.Log.Info("stopped before it had started", "error", err)
			return nil //nolint:nilerr // to be stopped is no failure
		} else if err != nil {
			return err
		}
	}
	return nil
}

func isUnavailable(err error) bool {
	outcome := message.OutcomeOf(err)
	return outcome == message.OutcomeUnavailable || outcome == message.OutcomePlain && message.IsOutage(err)
}

const (
	// grace is what each step of the end has, however late it is.
	grace = 3 * time.Second
	// leaveTimeout is what a consumer has beyond its drain to leave its group and
	// to disconnect while the broker does not answer.
	leaveTimeout = 5 * time.Second
)

// task is a function with the name that its errors have.
type task struct {
	name string
	call func(context.Context) error
}

// do calls the task, and leaves it behind when it does not return within extra of
// the end of ctx.
func (t task) do(ctx context.Context, extra time.Duration) error {
	if err := message.CallBounded(ctx, extra, t.call); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// begin runs t in a goroutine of its own, and returns what waits for its end. An
// error of t stops the service.
func (t task) begin(ctx context.Context, stop context.CancelCauseFunc) task {
	ended := make(chan error, 1)
	go func() {
		err := message.CallBounded(context.WithoutCancel(ctx), 0, func(context.Context) error { return t.call(ctx) })
		if err != nil {
			stop(fmt.Errorf("%s: %w", t.name, err))
		}
		ended <- err
	}()
	return task{t.name, func(context.Context) error { return <-ended }}
}

// remaining returns what is left of the drain's time for a step of the end.
func (s *Service) remaining() time.Duration {
	drain := s.b.drainTimeout()
	return max(drain-time.Since(s.stopped), min(drain, grace))
}

// finish does one task after another. Each has what is left of the drain's time, and
// then extra to return. It returns all errors, and names what does not return.
func (s *Service) finish(extra time.Duration, tasks ...task) error {
	var errs []error
	for _, t := range tasks {
		limit := s.remaining()
		late := fmt.Errorf("did not return within %v", limit.Round(time.Millisecond))
		ctx, cancel := context.WithTimeoutCause(context.Background(), limit, late)
		err := t.do(ctx, extra)
		cancel()
		if errors.Is(err, late) {
			s.b.Log.Error("service does not stop in order", "error", err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
