package message

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// The interfaces below are optional: a handler that has the method gets the
// call. What a handler does not have costs its messages nothing.

// Starter is a handler with something to do before the first message. The
// context is for that alone: it ends when the service is told to stop, when
// handlers may still have work to finish. With Unavailable as its error the
// start is tried again.
type Starter interface {
	Startup(ctx context.Context) error
}

// Stopper is a handler with something to do after the last message.
type Stopper interface {
	Shutdown(ctx context.Context) error
}

// BeforeHandler is called before each message is handled. After an error the
// message is not handled, and the error is treated like one of Handle.
type BeforeHandler interface {
	Before(ctx context.Context, m *Message) error
}

// AfterHandler is called after each message that was handled without error.
// An error is treated like one of Handle.
type AfterHandler interface {
	After(ctx context.Context, m *Message) error
}

// ErrorHandler is called with each error of Before, Handle and After; m.Attempt
// tells how often the message was tried. What it returns takes the error's
// place: the error itself, Retry or Permanent of it, or nil for handled. It
// does not see messages that could not be decoded or are invalid, nor panics.
type ErrorHandler interface {
	OnError(ctx context.Context, m *Message, err error) error
}

// TombstoneHandler is called for messages without a value, which say that
// their key was deleted. They have no envelope: m.Header and m.Body are nil,
// and neither the hooks nor the registration's middleware run.
type TombstoneHandler interface {
	HandleTombstone(ctx context.Context, m *Message) error
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
			if err := protect(ctx, s.Startup); err != nil {
				return errors.Join(fmt.Errorf("start %T: %w", part, err), r.undo(ctx))
			}
		}
		r.started++
	}
	return nil
}

// undoTime is what Shutdown has when a start failed.
const undoTime = 10 * time.Second

// undo shuts down what was started. That a start failed because ctx ended is no
// reason to have no time for it.
func (r *Registry) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	return r.Shutdown(ctx)
}

// protect calls f and returns its panic as an error.
func protect(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = NewPanicError(v)
		}
	}()
	return f(ctx)
}

// Shutdown shuts down what has a Shutdown and was started, the last one first:
// handlers, then codecs. It goes on after an error and returns all of them.
func (r *Registry) Shutdown(ctx context.Context) error {
	defer r.running.Store(false)
	var errs []error
	for ; r.started > 0; r.started-- {
		part := r.parts[r.started-1]
		if s, ok := part.(Stopper); ok {
			if err := protect(ctx, s.Shutdown); err != nil {
				errs = append(errs, fmt.Errorf("shut down %T: %w", part, err))
			}
		}
	}
	return errors.Join(errs...)
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

// hooks calls what a handler has around its Handle.
type hooks struct {
	next   Handler
	before BeforeHandler
	after  AfterHandler
	failed ErrorHandler
}

// withHooks returns next with the hooks of h around it, or next itself.
func withHooks(next Handler, h any) Handler {
	k := hooks{next: next}
	k.before, _ = h.(BeforeHandler)
	k.after, _ = h.(AfterHandler)
	k.failed, _ = h.(ErrorHandler)
	if k.before == nil && k.after == nil && k.failed == nil {
		return next
	}
	return &k
}

func (k *hooks) Handle(ctx context.Context, m *Message) error {
	err := k.handle(ctx, m)
	if err != nil && k.failed != nil {
		return k.failed.OnError(ctx, m, err)
	}
	return err
}

func (k *hooks) handle(ctx context.Context, m *Message) error {
	if k.before != nil {
		if err := k.before.Before(ctx, m); err != nil {
			return err
		}
	}
	if err := k.next.Handle(ctx, m); err != nil {
		return err
	}
	if k.after != nil {
		return k.after.After(ctx, m)
	}
	return nil
}
