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

	serve := func(ctx context.Context) error { return s.ops.Serve(ctx, s.listener, s.b.Log) }
	server := s.begin(serving, task{name: "ops", call: serve}, stop)
	var consumers, besides []*task
	err := s.start(ctx)
	if err == nil && ctx.Err() == nil {
		for _, t := range s.b.besides {
			besides = append(besides, s.begin(beside, t, stop))
		}
		for _, c := range s.consumers {
			consumers = append(consumers, s.begin(ctx, task{name: "consumer " + c.Name(), call: c.Run}, stop))
		}
		serveHTTP := func(ctx context.Context) error { return s.b.API.Serve(ctx, s.http) }     //forge:if http
		consumers = append(consumers, s.begin(ctx, task{name: "http", call: serveHTTP}, stop)) //forge:if http
		s.ops.SetState(nil)
		<-ctx.Done()
	}
	stop()

	s.ops.SetState(errors.New("stopping"))
	s.stopped = time.Now()
	errs := []error{err, s.await(leaveTimeout, consumers...)}
	endBeside()
	errs = append(errs, s.await(0, besides...))
	for _, t := range slices.Backward(s.b.closers) {
		errs = append(errs, s.await(0, s.begin(beyond, t, stop)))
	}
	closePublisher := func(context.Context) error { return s.publisher.Close() }
	errs = append(errs, s.await(grace, s.begin(beyond, task{name: "close publisher", call: closePublisher}, stop)))
	endServing()
	errs = append(errs, s.await(grace, server))
	s.b.Log.Info("stopped", "took", time.Since(s.stopped).Round(time.Millisecond))
	return errors.Join(errs...)
}

// startPolicy says when a start that failed is tried again.
var startPolicy = message.RetryPolicy{Kind: message.RetryExponential, Delay: 100 * time.Millisecond, MaxDelay: 5 * time.Second}

// start calls the Start functions, each until it succeeds or fails for good. When
// ctx ends before all have succeeded it returns nil.
func (s *Service) start(ctx context.Context) error {
	for _, t := range s.b.starts {
		backoff := startPolicy.Backoff()
		for ctx.Err() == nil {
			err := s.startOnce(ctx, t)
			if err == nil {
				break
			}
			if !isUnavailable(err) {
				return err
			}
			delay, _ := backoff.Next()
			s.ops.SetState(err)
			s.b.Log.Warn("start failed, retrying", "error", err, "delay", delay.Round(time.Millisecond))
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// startOnce calls a Start function. It returns nil when ctx ends.
func (s *Service) startOnce(ctx context.Context, t task) error {
	began := s.begin(ctx, t, nil)
	select {
	case <-began.done:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return began.err
	}
	s.stopped = time.Now()
	if err := s.await(0, began); err != nil {
		s.b.Log.Info("stopped before it had started", "error", err)
	}
	return nil
}

func isUnavailable(err error) bool {
	outcome := message.OutcomeOf(err)
	return outcome == message.OutcomeUnavailable || outcome == message.OutcomePlain && message.IsOutage(err)
}
