package message_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// wantHandling fails unless m is the message of ctx.
func wantHandling(ctx context.Context, t *testing.T, where string, m *message.Message) {
	t.Helper()
	if got, ok := message.FromContext(ctx); !ok || got != m {
		t.Errorf("%s: message %p %v, want %p", where, got, ok, m)
	}
}

// aware is a handler that looks at its context everywhere.
type aware struct {
	t *testing.T
	n int
}

func (a *aware) look(ctx context.Context, where string, m *message.Message) error {
	a.n++
	wantHandling(ctx, a.t, where, m)
	return nil
}

func (a *aware) Before(ctx context.Context, m *message.Message) error {
	return a.look(ctx, "before", m)
}
func (a *aware) After(ctx context.Context, m *message.Message) error { return a.look(ctx, "after", m) }
func (a *aware) Handle(ctx context.Context, m message.Of[received]) error {
	return a.look(ctx, "handle", m.Message)
}

func (a *aware) HandleTombstone(ctx context.Context, m *message.Message) error {
	return a.look(ctx, "tombstone", m)
}

func TestTheContextKnowsItsMessageWhereverItIsHandled(t *testing.T) {
	r, a := newRegistry(), &aware{t: t}
	message.Register(r, "payments", a, message.With(func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			return errors.Join(a.look(ctx, "middleware", m), next.Handle(ctx, m))
		})
	}))
	message.RegisterDefault(r, "payments", message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
		return a.look(ctx, "default", m)
	}))
	for _, m := range []*message.Message{
		newMessage(inEnvelope("PaymentReceived", validBody)),
		newMessage(inEnvelope("PaymentLost", validBody)),
		{Topic: "payments"},
	} {
		if err := r.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if a.n != 6 {
		t.Errorf("looked %d times, want 6", a.n)
	}
	if m, ok := message.FromContext(t.Context()); ok || m != nil {
		t.Errorf("%v %v where nothing is handled", m, ok)
	}
}

type contextKey struct{}

func TestTheContextOfAMessageIsWhatItWasMadeFrom(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", message.TypedHandlerFunc[payment](func(ctx context.Context, _ message.Of[payment]) error {
		if ctx.Value(contextKey{}) != "kept" {
			t.Error("a value is lost")
		}
		return ctx.Err()
	}))
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "kept"))
	cancel()
	if err := r.Handle(ctx, newMessage(inEnvelope("P", validBody))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the end to come through", err)
	}
}

func TestEachAttemptHasAContextOfItsOwn(t *testing.T) {
	r := newRegistry()
	var seen []context.Context
	message.Register(r, "payments", message.TypedHandlerFunc[payment](func(ctx context.Context, _ message.Of[payment]) error {
		seen = append(seen, ctx)
		return nil
	}))
	m := newMessage(inEnvelope("P", validBody))
	for range 2 {
		if err := r.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if seen[0] == seen[1] {
		t.Error("the second attempt has the first one's context")
	}
}

func TestNewContextMakesAMessageTheOneBeingHandled(t *testing.T) {
	outer, inner := new(message.Message), new(message.Message)
	ctx := message.NewContext(message.NewContext(t.Context(), outer), inner)
	wantHandling(ctx, t, "inner", inner)
}
