package message_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Handlers with hooks that would never be called.
type (
	wrongBefore  struct{ recorder[payment] }
	wrongStartup struct{ recorder[payment] }
	wrongCodec   struct{ envelope.JSON }
)

// Models with methods that would never be called.
type (
	wrongValidate struct{ payment }
	wrongType     struct{ payment }
	kind          string
)

func (*wrongValidate) Validate(context.Context) error { return errTest }
func (wrongType) MessageType() kind                   { return "PaymentReceived" }

func (*wrongBefore) Before(context.Context, message.Of[payment]) error { return nil }
func (*wrongStartup) Startup() error                                   { return nil }
func (wrongCodec) Startup() error                                      { return nil }

// byPointer is registered as a value, but its hook has a pointer receiver.
type byPointer struct {
	ignore[payment]
	shutsDown
}

type shutsDown struct{ n int }

func (s *shutsDown) Shutdown(context.Context) error { s.n++; return nil }

func TestMethodsThatWouldNeverBeCalledAreMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		register func(*message.Registry) error
		text     string
	}{
		"other signature": {mistake("new", new(wrongBefore)),
			"*message_test.wrongBefore.Before is a func(context.Context, message.Of["},
		"what it should be": {mistake("new", new(wrongBefore)),
			"but is called only as a func(context.Context, *message.Message) error: change it or its name"},
		"no context": {mistake("new", new(wrongStartup)), "Startup is a func() error"},
		"on the pointer": {mistake("new", byPointer{}),
			"message_test.byPointer.Shutdown has a pointer receiver, so it would not be called: register a pointer to a message_test.byPointer"},
		"of a model": {mistake("new", new(recorder[wrongValidate])),
			"*message_test.wrongValidate.Validate is a func(context.Context) error, but is called only as a func() error: change it or its name"},
		"message type": {mistake("new", new(recorder[wrongType])), "wrongType.MessageType is a func() message_test.kind, but is called only as a func() string"},
		"no handler":   {mistake("new", new(recorder[payment]), message.With(transparent, func(message.Handler) message.Handler { return nil })), "a middleware returned no handler"},
		"of a codec":   {mistake("new", new(recorder[payment]), message.WithCodec(wrongCodec{})), "wrongCodec.Startup is a func() error"},
		"retry policy": {mistake("new", new(recorder[payment]), message.WithRetry(message.RetryPolicy{Kind: "linear", MaxAttempts: 3, Delay: 1, MaxDelay: 1})), `retry policy is {Kind:linear`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			wantContains(t, tt.register(r), `on topic "new": `, tt.text)
			if len(r.Topics()) > 0 {
				t.Errorf("topics %v after the mistake", r.Topics())
			}
		})
	}
}

// panicOf returns the error that f panics with.
func panicOf(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

// panicsWith fails unless f panics with an error that says text.
func panicsWith(t *testing.T, text string, f func()) {
	t.Helper()
	wantContains(t, panicOf(f), text)
}

func TestMistakesBesideRegistrationsPanicWithAClearWord(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[payment]))
	panicsWith(t, "SetCodec comes before the registrations", func() { r.SetCodec(envelope.JSON{}) })
	panicsWith(t, "the codec is nil", func() { newRegistry().SetCodec(nil) })
	panicsWith(t, "the codec is nil", func() { message.WithCodec(nil) })
	panicsWith(t, "AddOptions comes before the registrations", func() { r.AddOptions(message.With(transparent)) })
	panicsWith(t, "the header rule is nil", func() { message.WithHeaderRule(nil) })
	panicsWith(t, "the outage rule is nil", func() { r.SetOutageRule(nil) })
	panicsWith(t, "the codec is nil", func() { message.NewRegistry(nil, nil) })
	panicsWith(t, "publish a <nil>: the event is nil", func() { r.Publishes(nil) })
	panicsWith(t, `publish a message_test.refunded: topic "refunds.dlq": dead letters`, func() { r.Publishes(refunded{topic: "refunds.dlq"}) })
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	panicsWith(t, "the registry was started: registrations come before that", func() { message.Register(r, "refunds", new(recorder[payment])) })
	wantContains(t, r.Startup(t.Context()), "start: the registry was started: registrations come before that, and each consumer has a registry of its own")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultHandlerGetsWhatNobodyElseTakes(t *testing.T) {
	for name, register := range map[string]func(*message.Registry, message.Handler){
		"beside types": func(r *message.Registry, h message.Handler) {
			message.Register(r, "payments", new(recorder[received]))
			message.RegisterDefault(r, "payments", h)
		},
		"before types": func(r *message.Registry, h message.Handler) {
			message.RegisterDefault(r, "payments", h)
			message.Register(r, "payments", new(recorder[received]))
		},
		"alone": func(r *message.Registry, h message.Handler) { message.RegisterDefault(r, "payments", h) },
	} {
		t.Run(name, func(t *testing.T) {
			var got []*message.Message
			r := newRegistry()
			register(r, message.HandlerFunc(func(_ context.Context, m *message.Message) error {
				got = append(got, m)
				return nil
			}))
			m := newMessage(inEnvelope("PaymentLost", `{"id":["of","another","shape"]}`))
			if err := r.Handle(t.Context(), m); err != nil || len(got) != 1 {
				t.Fatalf("%d messages, %v", len(got), err)
			}
			if m.Header.MessageType != "PaymentLost" || m.Decoded != nil {
				t.Errorf("header %+v, body %v; want the one and not the other", m.Header, m.Decoded)
			}
			incomplete := newMessage(`{"header":{"messageType":"PaymentLost"},"body":{}}`)
			if err := r.Handle(t.Context(), incomplete); message.ClassOf(err) != message.ClassInvalid {
				t.Errorf("%v, want the header checked all the same", err)
			}
		})
	}
}

// bystander is a default handler with all that a handler may have.
type bystander struct{ *witness }

func (b bystander) Handle(context.Context, *message.Message) error { return b.note("handle") }

func TestDefaultHandlerHasHooksAndMiddlewareToo(t *testing.T) {
	r, w := newRegistry(), newWitness(nil)
	message.Register(r, "payments", new(recorder[received]))
	message.RegisterDefault(r, "payments", bystander{w}, message.With(func(next message.Handler) message.Handler {
		return message.HandlerFunc(func(ctx context.Context, m *message.Message) error {
			_ = w.note("middleware")
			return next.Handle(ctx, m)
		})
	}))
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*message.Message{newMessage(inEnvelope("Other", validBody)), {Topic: "payments"}} {
		if err := r.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, *w.calls, "startup", "middleware", "before", "handle", "after", "tombstone", "shutdown")
}

func TestDefaultHandlersThatWouldGetNothingAreMistakes(t *testing.T) {
	h := message.HandlerFunc(nothing)
	for name, tt := range map[string]struct {
		first, second func(*message.Registry)
		text          string
	}{
		"beside one for all": {all, other(h), `register the default handler on topic "payments": the topic has a handler for all its messages`},
		"before one for all": {other(h), all, "the topic has a handler for all its messages, or for all others, already"},
		"two":                {other(h), other(h), "the topic has a handler for all its messages, or for all others, already"},
		"nil":                {all, other(message.HandlerFunc(nil)), "the handler is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			tt.first(r)
			panicsWith(t, tt.text, func() { tt.second(r) })
			if got := fmt.Sprint(r.Topics()); got != "[payments]" {
				t.Errorf("topics %s", got)
			}
		})
	}
}

func all(r *message.Registry) { message.Register(r, "payments", new(recorder[payment])) }

func other(h message.Handler) func(*message.Registry) {
	return func(r *message.Registry) { message.RegisterDefault(r, "payments", h) }
}
