package message_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestMiddlewareOrder(t *testing.T) {
	var calls []string
	note := func(name string) message.Middleware {
		return func(next message.Handler) message.Handler {
			return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
				decoded := " raw"
				if m.Decoded != nil && m.Decoded.(*payment).ID == "p-1" {
					decoded = " decoded"
				}
				calls = append(calls, name+decoded)
				return next.Handle(ctx, m)
			})
		}
	}
	r := newRegistry()
	sibling := r.NewSibling()
	r.AddOptions(message.With(note("all"), note("all too")))
	r.AddOptions(message.With(note("all third")))
	message.Register(sibling, "payments", new(recorder[payment]), message.With(note("first"), note("second")), message.With(note("third")))
	message.Register(r, "payments", new(recorder[payment]))
	if err := sibling.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, calls, "all decoded", "all too decoded", "all third decoded", "first decoded", "second decoded", "third decoded")
	calls = nil
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, calls, "all decoded", "all too decoded", "all third decoded")
}

func TestMiddlewareChangesWhatTheHandlerSees(t *testing.T) {
	r, h := newRegistry(), new(recorder[payment])
	message.Register(r, "payments", h, message.With(func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			m.Decoded.(*payment).Note, m.Header.CorrelationID = "seen", "c-2"
			return next.Handle(ctx, m)
		})
	}))
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); err != nil {
		t.Fatal(err)
	}
	if got := h.got[0]; got.Body.Note != "seen" || got.Header.CorrelationID != "c-2" {
		t.Errorf("%+v %+v", got.Header, got.Body)
	}
}

func TestMiddlewareThatTakesTheBodyAwayIsNamed(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[payment]), message.With(func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			m.Decoded = payment{}
			return next.Handle(ctx, m)
		})
	}))
	err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody)))
	wantError(t, err, message.ClassHandler,
		`a middleware of topic "payments" changed the type of the body to message_test.payment`)
}

func TestAPanicErrorIsOneShortLineWithTheStackBesideIt(t *testing.T) {
	recovered := func(v any) (err error) {
		defer func() { err = message.NewPanicError(recover()) }()
		panicHere(v)
		return nil
	}
	err := recovered("first line\nsecond line")
	wantError(t, err, message.ClassPanic, "panic: first line")
	p, ok := errors.AsType[*message.PanicError](err)
	if !ok || !strings.Contains(string(p.Stack), "panicHere") {
		t.Errorf("no stack: %+v", p)
	}
	if !errors.Is(recovered(errTest), errTest) {
		t.Error("the panic's error is lost")
	}
	if err := recovered(strings.Repeat("x", 10_000)); len(err.Error()) > 300 {
		t.Errorf("%d characters", len(err.Error()))
	}
}

func panicHere(v any) { panic(v) }
