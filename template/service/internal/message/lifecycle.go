package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Starter is a handler with something to do before the first message. The
// context is for that alone: it ends when the service is told to stop, when
// handlers may still have work to finish. With Unavailable as its error, or one
// that the outage rule reports, the start is tried again.
type Starter interface {
	Startup(ctx context.Context) error
}

// Stopper is a handler with something to do after the last message. When ctx
// ends it should return.
type Stopper interface {
	Shutdown(ctx context.Context) error
}

// Startup starts the codecs and then the handlers that have a Startup, as they
// were registered. When one fails, those that were started are shut down again,
// and the error says which it was. Nothing can be registered after it, and it is
// a mistake to start a registry twice: each consumer has its own.
func (r *Registry) Startup(ctx context.Context) error {
	if r.running.Swap(true) {
		return errors.New("message: the registry was started already: give each consumer one of its own")
	}
	for r.started < len(r.parts) {
		part := r.parts[r.started]
		if s, ok := part.(Starter); ok {
			if err := r.classify(protect(ctx, s.Startup)); err != nil {
				return errors.Join(fmt.Errorf("start %T: %w", part, err), r.undoStartup(ctx))
			}
		}
		r.started++
	}
	return nil
}

// undoTime is what Shutdown has when a start failed.
const undoTime = 10 * time.Second

// undoStartup shuts down what was started, also when ctx has ended.
func (r *Registry) undoStartup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	return r.Shutdown(ctx)
}

// Shutdown shuts down what has a Shutdown and was started, the last one first:
// handlers, then codecs. It goes on after an error and returns all of them. One
// that has not returned soon after ctx ended is left behind and named.
func (r *Registry) Shutdown(ctx context.Context) error {
	defer r.running.Store(false)
	var errs []error
	for ; r.started > 0; r.started-- {
		part := r.parts[r.started-1]
		if s, ok := part.(Stopper); ok {
			if err := shutdown(ctx, s); err != nil {
				errs = append(errs, fmt.Errorf("shut down %T: %w", part, err))
			}
		}
	}
	return errors.Join(errs...)
}

// shutdownGrace is what a Stopper has to return after its context ended.
const shutdownGrace = 100 * time.Millisecond

func shutdown(ctx context.Context, s Stopper) error {
	done := make(chan error, 1)
	go func() { done <- protect(ctx, s.Shutdown) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(shutdownGrace):
		return fmt.Errorf("did not return: %w", context.Cause(ctx))
	}
}

// addPart notes that h is to be started and shut down: once, even when it
// handles several topics.
func (r *Registry) addPart(h any) {
	if r.isNewPart(h) {
		r.parts = append(r.parts, h)
	}
}

// addCodec does the same for a codec, which comes before all handlers.
func (r *Registry) addCodec(c Codec) {
	if r.isNewPart(c) {
		r.parts = slices.Insert(r.parts, r.codecs, any(c))
		r.codecs++
	}
}

func (r *Registry) isNewPart(h any) bool {
	_, starts := h.(Starter)
	_, stops := h.(Stopper)
	if !starts && !stops {
		return false
	}
	return !reflect.ValueOf(h).Comparable() || !slices.Contains(r.parts, h)
}
