package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

const (
	canary     = "canary"
	parentSpan = "00f067aa0ba902b7"
	traceOf    = "4bf92f3577b34da6a3ce929d0e0e4736"
	fromParent = "00-" + traceOf + "-" + parentSpan + "-01"
)

// traced is a message with the given id, whose key and body are secret.
func traced(id string, headers ...message.Field) *message.Message {
	return &message.Message{
		Topic: "accounts", Key: []byte(canary + id), Headers: headers,
		Value: []byte(envelopetest.Envelope("AccountOpened", id, `{"id":"`+canary+id+`"}`)),
	}
}

// tracedBuild publishes because of the message "publishes", and fails for others by
// their ids.
func tracedBuild(_ context.Context, _ none, b *service.Builder) error {
	b.Registry.SetCodec(envelope.JSON{})
	b.Publishes(opened{})
	handle(b.Registry, "accounts", func(ctx context.Context, m message.Of[opened]) error {
		switch {
		case m.Header.MessageID == "publishes":
			return b.Publisher.Publish(ctx, m.Body)
		case m.Header.MessageID == "is retried" && m.Attempt < 3:
			return errors.New(m.Body.ID)
		case m.Header.MessageID == "fails":
			return message.Permanent(errors.New(m.Body.ID))
		case m.Header.MessageID == "panics":
			panic(m.Body.ID)
		}
		return nil
	})
	return nil
}

// What is done with messages reaches a collector: spans with their parents and their
// attributes, and without anything of keys and bodies. Trace context goes on.
func TestTraces(t *testing.T) {
	c := startCollector(t)
	s := servicetest.Start(t, tracedBuild, map[string]string{"RETRY_DELAY": "1ms"})
	in := message.Field{Key: "traceparent", Value: []byte(fromParent)}
	state := message.Field{Key: "tracestate", Value: []byte("vendor=1")}
	bag := message.Field{Key: "baggage", Value: []byte("tenant=7")}
	publishes, retried := traced("publishes", in, state, bag), traced("is retried", in)
	fails, panics := traced("fails", in, state), traced("panics")
	unreadable := &message.Message{Topic: "accounts", Value: []byte(canary), Key: []byte(canary)}
	all := []*message.Message{publishes, retried, fails, panics, unreadable}
	s.Send(all...)
	for _, r := range all {
		s.Outcome(r)
	}
	published, letters := s.Published("opened", 1)[0], s.Published("accounts.dlq", 3)
	s.Stop()

	process, send := c.one(t, "process accounts", "publishes"), c.one(t, "send opened", "")
	expect(t, process, kindConsumer, traceOf, parentSpan, map[string]any{
		"messaging.system": system, "messaging.operation.name": "process", "messaging.operation.type": "process",
		"messaging.destination.name": "accounts", "messaging.consumer.group.name": "test", "message.attempt": "1", "error.type": nil,
		"messaging.destination.partition.id": partitionText(publishes), offsetAttribute: strconv.FormatInt(publishes.Offset, 10),
	})
	expect(t, send, kindProducer, traceOf, process.SpanID, map[string]any{
		"messaging.system": system, "messaging.operation.name": "send", "messaging.operation.type": "send",
		"messaging.destination.name": "opened", "error.type": nil,
	})
	want := map[string]string{"traceparent": "00-" + traceOf + "-" + send.SpanID + "-01", "tracestate": "vendor=1", "baggage": "tenant=7"}
	for name, value := range want {
		if got := headersOf(published, name); !slices.Equal(got, []string{value}) {
			t.Errorf("published with %s %q, want %q", name, got, value)
		}
	}

	attempts := c.of("process accounts", "is retried")
	if len(attempts) != 3 {
		t.Fatalf("%d spans of the message that was handled at the third attempt", len(attempts))
	}
	for i, attempt := range attempts {
		attributes := map[string]any{"message.attempt": []any{"1", "2", "3"}[i], "error.type": []any{"handler", "handler", nil}[i]}
		expect(t, attempt, kindConsumer, traceOf, parentSpan, attributes)
		if i > 0 && (len(attempt.Links) != 1 || attempt.Links[0].SpanID != attempts[i-1].SpanID) {
			t.Errorf("attempt %d is linked to %v, want %s", i+1, attempt.Links, attempts[i-1].SpanID)
		}
	}
	expectDeadLetters(t, c, letters)
	if bytes.Contains(c.text.Bytes(), []byte(canary)) {
		t.Errorf("a key, a body or an error is in a span:\n%s", &c.text)
	}
}

// expectDeadLetters expects spans of the dead letters of messages that failed for
// good, panicked and cannot be read.
func expectDeadLetters(t *testing.T, c *collector, letters []*message.Message) {
	t.Helper()
	for _, letter := range letters {
		class := headersOf(letter, "forge-dlq-class")[0]
		var process, send span
		for _, s := range slices.Concat(c.of("process accounts", ""), c.of("send accounts.dlq", "")) {
			switch {
			case s.Kind == kindConsumer && s.get("error.type") == class && s.get("messaging.message.id") != "is retried":
				process = s
			case s.Kind == kindProducer && s.get("dead_letter.class") == class:
				send = s
			}
		}
		if process.Status.Code != statusError {
			t.Errorf("%s: the attempt's status is %d", class, process.Status.Code)
		}
		expect(t, send, kindProducer, process.TraceID, process.SpanID, map[string]any{"messaging.destination.name": "accounts.dlq", "error.type": nil})
		if got := headersOf(letter, "forge-dlq-traceparent"); !slices.Equal(got, []string{"00-" + send.TraceID + "-" + send.SpanID + "-01"}) {
			t.Errorf("%s: the dead letter's own span is %q", class, got)
		}
		if got := headersOf(letter, "traceparent"); class == "handler" && !slices.Equal(got, []string{fromParent}) || class != "handler" && len(got) > 0 {
			t.Errorf("%s: the message's own traceparent is %q", class, got)
		}
	}
}

// What OpenTelemetry's conventions have metrics for reaches a collector that is to have
// them, without anything of keys and bodies. Another one gets none.
func TestMetricsOfMessages(t *testing.T) {
	for exporter, want := range map[string]bool{"otlp": true, "": false} {
		t.Run(exporter, func(t *testing.T) {
			c := startCollector(t)
			t.Setenv("OTEL_METRICS_EXPORTER", exporter)
			s := servicetest.Start(t, tracedBuild, nil)
			all := []*message.Message{traced("publishes"), traced("fails")}
			s.Send(all...)
			for _, r := range all {
				s.Outcome(r)
			}
			s.Published("opened", 1)
			s.Published("accounts.dlq", 1)
			s.Stop()
			for _, name := range []string{"messaging.process.duration", "messaging.client.consumed.messages", "messaging.client.sent.messages", "accounts.dlq", "service.name"} {
				if bytes.Contains(c.metrics, []byte(name)) != want {
					t.Errorf("metrics have %s: %v, want %v", name, !want, want)
				}
			}
			if bytes.Contains(c.text.Bytes(), []byte(canary)) {
				t.Errorf("a key, a body or an error is in what was exported:\n%s", &c.text)
			}
		})
	}
}

// All attempts of a message that came without a trace are in one.
func TestAttemptsOfAMessageWithoutTraceAreInOne(t *testing.T) {
	c := startCollector(t)
	s := servicetest.Start(t, tracedBuild, map[string]string{"RETRY_DELAY": "1ms"})
	r := traced("is retried")
	s.Send(r)
	s.Outcome(r)
	s.Stop()
	attempts := c.of("process accounts", "is retried")
	if len(attempts) != 3 {
		t.Fatalf("%d spans, want 3", len(attempts))
	}
	for i, attempt := range attempts[1:] {
		expect(t, attempt, kindConsumer, attempts[0].TraceID, attempts[i].SpanID, nil)
	}
}

// A collector that takes requests and never answers holds up neither messages nor
// the end.
func TestACollectorThatHangsHoldsNothingUp(t *testing.T) {
	asked, release := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	exportTo(t, server.URL, "10")
	s := servicetest.Start(t, tracedBuild, map[string]string{"DRAIN_TIMEOUT": "2s"})
	first, second := traced("first"), traced("second")
	s.Send(first)
	<-asked // it hangs from here on
	s.Send(second)
	for _, r := range []*message.Message{first, second} {
		if e := s.Outcome(r); e.Kind != engine.Handled {
			t.Errorf("%v %v", e.Kind, e.Err)
		}
	}
	began := time.Now()
	s.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// A collector that is not there is logged once, and its service ends in order. What a
// handler logs with its context has the ids of its span.
func TestWithoutACollectorTheServiceGoesOn(t *testing.T) {
	address := freePort(t)
	exportTo(t, "http://"+address, "10")
	var log lines
	b := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", func(ctx context.Context, _ message.Of[opened]) error {
			b.Log.InfoContext(ctx, "handling")
			return nil
		})
		return nil
	}
	broker := startBroker(t)
	over := settings(broker)
	over["LOG_LEVEL"], over["LOG_FORMAT"] = "info", "json"
	handled := make(chan struct{}, 10)
	o := service.Options{Over: over, Log: &log, Observe: func(string, engine.Event) { handled <- struct{}{} }}
	s, err := service.New(t.Context(), "test", b, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for range 3 {
		send(t, broker, "a-1")
		<-handled
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "traces are not exported"); n != 1 {
		t.Errorf("it is logged %d times:\n%s", n, log.String())
	}
	for line := range strings.Lines(log.String()) {
		var of struct {
			Msg     string
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		}
		if err := json.Unmarshal([]byte(line), &of); err != nil || of.Msg == "handling" && (len(of.TraceID) != 32 || len(of.SpanID) != 16) {
			t.Errorf("%v: %s", err, line)
		}
	}
}

// Settings that the SDK would pass over in silence end the start.
func TestWrongSettingsOfTracesEndTheStart(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_TRACES_EXPORTER": "zipkin",
		"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=hunter2%zz", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			exportTo(t, "http://localhost:1", "10")
			t.Setenv(name, value)
			o := options(t, settings("127.0.0.1:1"))
			s, err := service.New(t.Context(), "test", build(nothing), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "must be") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// OpenTelemetry's settings in .env are not unknown, and reach its SDK.
func TestSettingsOfTracesInDotEnv(t *testing.T) {
	c := startCollector(t)
	t.Chdir(t.TempDir())
	t.Setenv("OTEL_SERVICE_NAME", "")
	if err := os.WriteFile(".env", []byte("OTEL_SERVICE_NAME=from-dot-env\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	s := servicetest.Start(t, tracedBuild, nil)
	r := traced("first")
	s.Send(r)
	s.Outcome(r)
	s.Stop()
	if c.one(t, "process accounts", "first"); !strings.Contains(c.text.String(), "from-dot-env") {
		t.Errorf("the service's name is not that of .env:\n%s", &c.text)
	}
	_, err := service.New(t.Context(), "test", build(nothing), service.Options{Over: settings("127.0.0.1:1"), Log: &log})
	if err != nil || strings.Contains(log.String(), "unknown setting") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

// Nobody asked for traces: none are made, and logs are as they are.
func TestWithoutAnEndpointThereAreNoTraces(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	s := servicetest.Start(t, func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		b.Publishes(opened{})
		handle(b.Registry, "accounts", func(ctx context.Context, m message.Of[opened]) error { return b.Publisher.Publish(ctx, m.Body) })
		return nil
	}, nil)
	r := traced("first", message.Field{Key: "traceparent", Value: []byte(fromParent)})
	s.Send(r)
	if got := headersOf(s.Published("opened", 1)[0], "traceparent"); !slices.Equal(got, []string{fromParent}) {
		t.Errorf("published with traceparent %q, want that of its cause", got)
	}
}
