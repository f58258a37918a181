package service

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Run starts the service, works until ctx ends or a part of it fails, and ends
// it. It returns nil when ctx ended and everything ended as it should, and all
// errors otherwise.
//
// The start: /readyz is served; the Start functions succeed, one after another;
// the consumers start their handlers and consume, and the Run functions run. The
// end: the consumers drain, commit and shut their handlers down; then end the Run
// functions, the Close functions and the publisher, one after another. All of it
// has KAFKA_DRAIN_TIMEOUT; what does not return in time is named and left behind.
func (s *Service) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	beyond := context.WithoutCancel(ctx) // what runs on when ctx has ended
	serving, endServing := context.WithCancel(beyond)
	defer endServing()
	beside, endBeside := context.WithCancel(beyond)
	defer endBeside()
	context.AfterFunc(ctx, s.publisher.Ending) // its time to end begins with the consumers'

	server := s.begin("ops", stop, func() error { return s.ops.Serve(serving, s.listener, s.b.Log) })
	var consumers, besides []*task
	err := s.start(ctx)
	if err == nil && ctx.Err() == nil {
		for _, h := range s.b.besides {
			besides = append(besides, s.begin("run "+h.name, stop, func() error { return unlessEnded(beside, h.call(beside)) }))
		}
		for _, c := range s.consumers {
			consumers = append(consumers, s.begin("consumer "+c.Name(), stop, func() error { return c.Run(ctx) }))
		}
		consumers = append(consumers, s.begin("http", stop, func() error { return s.b.API.Serve(ctx, s.http) })) //forge:if http
		s.state.set(nil)
		<-ctx.Done()
	}
	stop()

	s.state.set(errors.New("stopping"))
	s.stopped = time.Now()
	errs := []error{err, s.await(leaveTimeout, consumers...)}
	endBeside()
	errs = append(errs, s.await(0, besides...))
	for _, h := range slices.Backward(s.b.closers) {
		errs = append(errs, s.await(0, s.begin("close "+h.name, stop, func() error { return h.call(beyond) })))
	}
	errs = append(errs, s.await(grace, s.begin("close publisher", stop, s.publisher.Close)))
	endServing()
	errs = append(errs, s.await(grace, server))
	s.b.Log.Info("stopped", "took", time.Since(s.stopped).Round(time.Millisecond))
	return errors.Join(errs...)
}

// start calls the Start functions. When ctx ends before all have succeeded it
// returns nil.
func (s *Service) start(ctx context.Context) error {
	for _, h := range s.b.starts {
		if err := s.startOne(ctx, h); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// startPolicy says when a start that failed is tried again.
var startPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 5 * time.Second}

// startOne calls h until it succeeds or fails for good. When ctx ends it returns
// nil.
func (s *Service) startOne(ctx context.Context, h hook) error {
	backoff := startPolicy.Backoff()
	for {
		t := s.begin("start "+h.name, nil, func() error { return h.call(ctx) })
		select {
		case <-t.done:
		case <-ctx.Done():
			s.stopped = time.Now()
			if err := s.await(0, t); err != nil {
				s.b.Log.Info("stopped before it had started", "error", err)
			}
			return nil
		}
		if t.err == nil || !isUnavailable(t.err) {
			return t.err
		}
		delay, _ := backoff.Next()
		s.state.set(t.err)
		s.b.Log.Warn("start failed, retrying", "error", t.err, "delay", delay.Round(time.Millisecond))
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil
		}
	}
}

func isUnavailable(err error) bool {
	outcome := message.OutcomeOf(err)
	return outcome == message.OutcomeUnavailable || outcome == message.OutcomePlain && message.IsOutage(err)
}
