package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

var errStarted = errors.New("the registry was started: registrations come before that, and each consumer has a registry of its own")

// Startup starts the codecs and then the handlers that have a Startup, as they were
// registered. After an error the next Startup goes on with the one that failed, and
// Shutdown shuts down those before it. Nothing can be registered after Startup.
func (r *Registry) Startup(ctx context.Context) error {
	if r.running.Swap(true) {
		return fmt.Errorf("message: start: %w", errStarted)
	}
	for _, part := range r.parts()[len(r.started):] {
		if s, ok := part.(Starter); ok {
			if err := CallBounded(ctx, grace, s.Startup); err != nil {
				r.running.Store(false)
				return fmt.Errorf("start %T: %w", part, r.classify(err))
			}
		}
		r.started = append(r.started, part)
	}
	return nil
}

// parts returns what may have a Startup or a Shutdown: each once, though one may
// handle several topics.
func (r *Registry) parts() (all []any) {
	for _, part := range slices.Concat([]any{r.codec}, r.codecs, r.handlers) {
		if !reflect.ValueOf(part).Comparable() || !slices.Contains(all, part) {
			all = append(all, part)
		}
	}
	return all
}

// grace is the time in which a function returns after its context ended.
const grace = 100 * time.Millisecond

// Shutdown shuts down what has a Shutdown and was started, the last one first:
// handlers, then codecs. It goes on after an error and returns all of them. One
// that has not returned soon after ctx ended is left behind and named.
func (r *Registry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, part := range slices.Backward(r.started) {
		if s, ok := part.(Stopper); ok {
			if err := CallBounded(ctx, grace, s.Shutdown); err != nil {
				errs = append(errs, fmt.Errorf("shut down %T: %w", part, err))
			}
		}
	}
	r.started = nil
	r.running.Store(false)
	return errors.Join(errs...)
}

// CallBounded calls f in a goroutine of its own, and returns its error, its panic, or that
// it ended the goroutine. When ctx has ended, f has grace to return. Then it is left
// behind, and the error is the cause of ctx's end, which says so if the caller gave none.
func CallBounded(ctx context.Context, grace time.Duration, f func(context.Context) error) error {
	outcome := make(chan error, 2) // the first counts
	go func() {
		err := Fail(ClassPanic, "it ended its goroutine") // unless it returns
		defer func() {
			if v := recover(); v != nil {
				err = NewPanicError(v)
			}
			outcome <- err
		}()
		err = f(ctx)
	}()
	defer context.AfterFunc(ctx, func() {
		late := context.Cause(ctx)
		if errors.Is(late, ctx.Err()) {
			late = fmt.Errorf("did not return: %w", late)
		}
		time.AfterFunc(grace, func() { outcome <- late })
	})()
	return <-outcome
}
