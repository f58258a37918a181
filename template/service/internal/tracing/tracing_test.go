package tracing

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// record returns what makes spans, and what notes them.
func record(t testing.TB) (*Tracing, *tracetest.SpanRecorder) {
	t.Helper()
	t.Setenv(anyEndpoint, "http://localhost:1")
	spans := tracetest.NewSpanRecorder()
	made := New("test", slog.New(slog.DiscardHandler))
	made.provider.RegisterSpanProcessor(spans)
	return made, spans
}

type paid struct{ Number string }

func (paid) Topic() string       { return "payments" }
func (paid) MessageType() string { return "Paid" }
func (p paid) Key() string       { return p.Number }

// broker publishes by encoding, and keeps what it would have sent.
type broker struct {
	message.Publisher
	sent   []*message.Message
	err    error
	logged error
}

func (b *broker) Publish(ctx context.Context, e message.Event) error {
	m, err := envelopetest.NewRegistry().Encode(ctx, e, "test")
	b.sent = append(b.sent, m)
	return errors.Join(err, b.err)
}

func (b *broker) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	err := b.Publish(ctx, e)
	delivered(message.Delivery{Partition: 2, Offset: 7}, err)
}

func (b *broker) LogUndelivered(_ message.Delivery, err error) { b.logged = err }

// traceparent returns the header of the last message that was sent.
func (b *broker) traceparent() string {
	value, _ := b.sent[len(b.sent)-1].Get("traceparent")
	return string(value)
}

const (
	sampled   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

func withParent(traceparent string) *message.Message {
	return &message.Message{Topic: "accounts", Headers: []message.Field{{Key: "traceparent", Value: []byte(traceparent)}}}
}

func headerOf(s sdk.ReadOnlySpan) string {
	return "00-" + s.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"
}

// A span of the handler's own is the parent of what is published in it.
func TestASpanOfTheHandlersOwnIsTheParent(t *testing.T) {
	traces, spans := record(t)
	to := new(broker)
	ctx, end := traces.Consumer("g").Attempt(t.Context(), withParent(sampled), engine.SpanContext{})
	ctx, own := traces.provider.Tracer("own").Start(message.NewContext(ctx, withParent(sampled)), "own")
	if err := traces.Publisher(to).Publish(ctx, paid{"7"}); err != nil {
		t.Fatal(err)
	}
	own.End()
	end("")
	send := spans.Ended()[0]
	if send.Name() != "send payments" || send.Parent().SpanID() != own.SpanContext().SpanID() || to.traceparent() != headerOf(send) {
		t.Errorf("%s: parent %s, header %s", send.Name(), send.Parent().SpanID(), to.traceparent())
	}
}

// A trace that begins in a handler takes nothing along of that of the message.
func TestATraceThatBeginsHereHasNothingOfTheMessages(t *testing.T) {
	traces, _ := record(t)
	to, m := new(broker), withParent(sampled)
	m.Headers = append(m.Headers, message.Field{Key: "tracestate", Value: []byte("vendor=1")}, message.Field{Key: "other", Value: []byte("x")})
	ctx, root := traces.provider.Tracer("own").Start(message.NewContext(t.Context(), m), "own", trace.WithNewRoot())
	defer root.End()
	if err := traces.Publisher(to).Publish(ctx, paid{"7"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := to.sent[0].Get("tracestate"); ok || to.traceparent()[3:35] != root.SpanContext().TraceID().String() {
		t.Errorf("headers %s", to.sent[0].Headers)
	}
}

// What is published because of one message of a batch continues that one's trace.
func TestInABatchTheMessageIsTheParent(t *testing.T) {
	traces, spans := record(t)
	to := new(broker)
	if err := traces.Publisher(to).Publish(message.NewContext(t.Context(), withParent(sampled)), paid{"7"}); err != nil {
		t.Fatal(err)
	}
	send := spans.Ended()[0]
	if got := send.Parent(); got.TraceID().String() != sampled[3:35] || got.SpanID().String() != sampled[36:52] {
		t.Errorf("parent %v", got)
	}
	if err := traces.Publisher(to).Publish(t.Context(), paid{"7"}); err != nil || spans.Ended()[1].Parent().IsValid() {
		t.Errorf("%v; without a cause the parent is %v", err, spans.Ended()[1].Parent())
	}
}

// A span of an event that is published later ends with its outcome, which is logged
// when nobody asks about it.
func TestPublishAsync(t *testing.T) {
	traces, spans := record(t)
	to := &broker{err: message.Unavailable(errors.New("secret"))}
	traces.Publisher(to).PublishAsync(t.Context(), paid{"7"}, nil)
	if to.logged == nil {
		t.Error("the failure is not logged")
	}
	want := map[string]string{
		"error.type": "unavailable", "messaging.destination.partition.id": "2", string(offset(7).Key): "7", "messaging.message.id": to.sent[0].Header.MessageID,
	}
	for _, a := range spans.Ended()[0].Attributes() {
		if value, ok := want[string(a.Key)]; ok && a.Value.String() != value {
			t.Errorf("%s is %s, want %s", a.Key, a.Value.String(), value)
		}
		delete(want, string(a.Key))
	}
	if len(want) > 0 || len(spans.Ended()[0].Events()) > 0 {
		t.Errorf("no %v; events %v", want, spans.Ended()[0].Events())
	}
}

// A trace that its beginning did not sample has no spans here, and goes on.
func TestWhatIsNotSampledGoesOnUnsampled(t *testing.T) {
	traces, spans := record(t)
	to := new(broker)
	ctx, end := traces.Consumer("g").Attempt(t.Context(), withParent(unsampled), engine.SpanContext{})
	if err := traces.Publisher(to).Publish(ctx, paid{"7"}); err != nil {
		t.Fatal(err)
	}
	end(message.ClassHandler)
	if got := to.traceparent(); len(spans.Started()) > 0 || got[:36] != unsampled[:36] || got[52:] != "-00" {
		t.Errorf("%d spans, header %s", len(spans.Started()), got)
	}
}

// An event's own trace headers go over those of the span.
func TestAnEventsOwnHeadersStay(t *testing.T) {
	traces, _ := record(t)
	to := new(broker)
	if err := traces.Publisher(to).Publish(t.Context(), own{paid{"7"}}); err != nil {
		t.Fatal(err)
	}
	if got := to.traceparent(); got != sampled {
		t.Errorf("header %s, want the event's own", got)
	}
}

type own struct{ paid }

func (own) Headers() []message.Field { return withParent(sampled).Headers }

// Nil events are refused as they are without traces.
func TestANilEventIsRefused(t *testing.T) {
	traces, _ := record(t)
	if err := traces.Publisher(new(broker)).Publish(t.Context(), (*paid)(nil)); err == nil {
		t.Error("a nil event is published")
	}
}

// Without an endpoint, or when traces are switched off, nothing is wrapped.
func TestNothingIsWrappedWhenNoTracesAreWanted(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"no endpoint": {anyEndpoint: ""}, "disabled": {disabled: "TRUE"}, "no exporter": {tracesExporter: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(anyEndpoint, "http://localhost:1")
			for key, value := range set {
				t.Setenv(key, value)
			}
			log, to := slog.New(slog.DiscardHandler), new(broker)
			traces := New("test", log)
			if traces.Logger(log) != log || traces.Publisher(to) != message.Publisher(to) || traces.Consumer("g") != nil {
				t.Error("something is wrapped")
			}
			if err := errors.Join(traces.Start(t.Context()), traces.Shutdown(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}
