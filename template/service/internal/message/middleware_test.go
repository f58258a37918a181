package message_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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
	r := newRegistry(note("outer"), note("inner"))
	message.Register(r, "payments", new(recorder[payment]), message.With(note("first"), note("second")), message.With(note("third")))
	r.Use("payments", note("topic"))
	r.Use("payments", note("topic too"))
	if err := r.Handle(t.Context(), newMessage(inEnvelope("P", validBody))); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, calls, "outer raw", "inner raw", "topic raw", "topic too raw", "first decoded", "second decoded", "third decoded")
}

func TestMiddlewareOfATopicSeesAllOfItAndNothingElse(t *testing.T) {
	var seen []string
	r := newRegistry()
	message.Register(r, "payments", new(recorder[received]))
	message.RegisterDefault(r, "payments", message.HandlerFunc(nothing))
	message.Register(r, "refunds", new(recorder[payment]))
	r.Use("payments", func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			err := next.Handle(ctx, m)
			seen = append(seen, string(message.ClassOf(err)))
			return err
		})
	})
	message.Register(r, "payments", new(recorder[returned])) // a registration after it, too
	for _, value := range []string{inEnvelope("PaymentReceived", validBody), inEnvelope("PaymentReturned", validBody), inEnvelope("Other", `{}`), "{", ""} {
		for _, topic := range []string{"payments", "refunds"} {
			m := newMessage(value)
			m.Topic = topic
			if value == "" {
				m.Value = nil // a tombstone
			}
			_ = r.Handle(t.Context(), m)
		}
	}
	wantCalls(t, seen, "", "", "", "decode", "unhandled")
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
	if !ok || !strings.Contains(string(p.Stack()), "panicHere") {
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

func logged(t *testing.T, level slog.Level, value string, handlerErr error) string {
	t.Helper()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
	r := newRegistry(message.Log(log))
	message.Register(r, "payments", &recorder[payment]{err: handlerErr})
	m := newMessage(value)
	m.Partition, m.Offset = 3, 42
	_ = r.Handle(t.Context(), m)
	return out.String()
}

func TestLogTellsWhatBecameOfAMessage(t *testing.T) {
	valid := inEnvelope("PaymentReceived", `{"id":"secret","amount":1}`)
	const where = "topic=payments partition=3 offset=42 attempt=1 "
	const who = "type=PaymentReceived id=m-1"
	for name, tt := range map[string]struct {
		level slog.Level
		value string
		err   error
		want  []string
	}{
		"handled":         {slog.LevelDebug, valid, nil, []string{"level=DEBUG msg=\"message handled\"", where, who}},
		"handled, info":   {slog.LevelInfo, valid, nil, nil},
		"failed, info":    {slog.LevelInfo, valid, errTest, nil},
		"failed":          {slog.LevelDebug, valid, errTest, []string{"level=DEBUG msg=\"message not handled\"", where, who, "class=handler error=test"}},
		"invalid":         {slog.LevelDebug, strings.Replace(valid, ":1}", `:"secret"}`, 1), nil, []string{who, `class=invalid error="body.amount: must be a number, got string"`}},
		"not an envelope": {slog.LevelDebug, "secret", nil, []string{where, "class=decode"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := logged(t, tt.level, tt.value, tt.err)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q does not have %q", got, want)
				}
			}
			if tt.want == nil && got != "" {
				t.Errorf("logged %q", got)
			}
			if strings.Contains(got, "secret") {
				t.Errorf("the body is in %q", got)
			}
		})
	}
}
