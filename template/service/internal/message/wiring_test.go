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
	wrongType    struct{}
)

func (*wrongBefore) Before(context.Context, message.Of[payment]) error { return nil }
func (*wrongStartup) Startup() error                                   { return nil }
func (wrongCodec) Bind(string) error                                   { return nil }
func (wrongType) MessageType(int) string                               { return "" }

// byPointer is registered as a value, but its hook has a pointer receiver.
type byPointer struct {
	ignore[payment]
	shutsDown
}

type shutsDown struct{ n int }

func (s *shutsDown) Shutdown(context.Context) error { s.n++; return nil }

func TestHooksThatWouldNeverBeCalledAreMistakes(t *testing.T) {
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
		"of a codec":      {mistake("new", new(recorder[payment]), message.WithCodec(wrongCodec{})), "wrongCodec.Bind is a func(string) error"},
		"of a model":      {mistake("new", new(recorder[wrongType])), "MessageType is a func(int) string, must be a func() string"},
		"nil header rule": {mistake("new", new(recorder[payment]), message.WithHeaderRule(nil)), "the header rule is nil"},
		"retry policy":    {mistake("new", new(recorder[payment]), message.WithRetry(message.RetryPolicy{Kind: "linear", MaxAttempts: 3, Delay: 1, MaxDelay: 1})), `retry kind is "linear", must be`},
		"nil codec":       {mistake("new", new(recorder[payment]), message.WithCodec(nil)), "the codec is nil"},
		"nil option":      {mistake("new", new(recorder[payment]), message.With(), nil), "option 2 of 2 is nil"},
		"nil middleware":  {mistake("new", new(recorder[payment]), message.With(transparent, nil)), "middleware 2 of 2 is nil"},
		"lost by its own": {mistake("new", new(recorder[payment]), message.With(func(message.Handler) message.Handler { return nil })), "middleware 1 of 1 returned no handler"},
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

// panicsWith fails unless f panics with an error that says text.
func panicsWith(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, _ := recover().(error)
		wantContains(t, err, text)
	}()
	f()
}

func TestMistakesBesideRegistrationsPanicWithAClearWord(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[payment]))
	panicsWith(t, "SetCodec: comes before the registrations, but these topics have a codec already: payments", func() { r.SetCodec(envelope.JSON{}) })
	panicsWith(t, "SetCodec: the codec is nil", func() { newRegistry().SetCodec(nil) })
	panicsWith(t, "CheckHeader: the rule is nil", func() { r.CheckHeader(nil) })
	panicsWith(t, "SetOutageRule: the rule is nil", func() { r.SetOutageRule(nil) })
	panicsWith(t, "the codec is nil", func() { message.NewRegistry(nil, nil) })
	panicsWith(t, "publish a <nil>: the event is nil", func() { r.Publishes(nil) })
	panicsWith(t, `publish a message_test.refunded: topic "refunds.dlq": dead letters`, func() { r.Publishes(refunded{topic: "refunds.dlq"}) })
	panicsWith(t, "middleware 1 of 2 is nil", func() { newRegistry(nil, transparent) })
	panicsWith(t, `middleware of topic "payments": middleware 2 of 2 is nil`, func() { r.Use("payments", transparent, nil) })
	panicsWith(t, `middleware of topic "refunds": the topic has no handler: register one first`, func() { r.Use("refunds", transparent) })
	if err := r.Startup(t.Context()); err != nil {
		t.Fatal(err)
	}
	panicsWith(t, `middleware of topic "payments": the registry was started`, func() { r.Use("payments", transparent) })
	wantContains(t, message.RegisterSafely(r, "refunds", new(recorder[payment])), "the registry was started: registrations come before that")
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
		"beside one for all": {all, other(h), `register the default handler of topic "payments": the topic has a handler for all its messages already`},
		"before one for all": {other(h), all, "the model has no MessageType, but the topic has a default handler, which would get nothing"},
		"two":                {other(h), other(h), "the topic has a default handler already"},
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
