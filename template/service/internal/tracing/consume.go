package tracing

import (
	"context"
	"fmt"
	"strconv"

	attributes "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var (
	asConsumer = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)}
	asProducer = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer)}
)

type attribute = attributes.KeyValue

// What OpenTelemetry's conventions have no name for.
const (
	attemptKey    = attributes.Key("message.attempt")   // 1 for the first
	deadLetterKey = attributes.Key("dead_letter.class") // why the message is one
	deadLetters   = ".dlq"
)

// consumer makes the spans of a consumer group. None has a message's key, what is in
// the message, or the text of an error, which may quote it.
type consumer struct {
	*Tracing
	group string
}

// Consumer returns what makes the spans of a consumer group, nil for none.
func (t *Tracing) Consumer(group string) engine.Tracer {
	if t.provider == nil {
		return nil
	}
	return consumer{t, group}
}

// Attempt implements engine.Tracer. The span is a child of the one that the message
// came from, and linked to the attempt before. Of a message that came without a trace,
// the attempt before is the parent, so that all attempts are in one trace.
func (c consumer) Attempt(ctx context.Context, m *message.Message, last engine.SpanContext) (context.Context, func(message.Class)) {
	ctx = contextOf(ctx, m)
	options := asConsumer
	switch {
	case last.IsValid() && isInTrace(ctx):
		options = append(options, trace.WithLinks(trace.Link{SpanContext: last}))
	case last.IsValid():
		ctx = trace.ContextWithSpanContext(ctx, last)
	}
	ctx, span := c.start(ctx, "process", m.Topic, options)
	if !span.IsRecording() { // what follows would cost each message that is not sampled
		return ctx, func(message.Class) {}
	}
	span.SetAttributes(
		system, semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName(m.Topic), semconv.MessagingDestinationPartitionID(strconv.Itoa(int(m.Partition))),
		offset(m.Offset), semconv.MessagingConsumerGroupName(c.group), attemptKey.Int(m.Attempt),
	)
	return ctx, func(class message.Class) {
		setMessageID(span, m)
		setFailure(span, class)
		span.End()
	}
}

// DeadLetter implements engine.Tracer. The span is a child of the last attempt's.
func (c consumer) DeadLetter(ctx context.Context, m *message.Message, f engine.Failure) (context.Context, func(error)) {
	topic := m.Topic + deadLetters
	ctx, span := c.tracer.Start(trace.ContextWithSpanContext(ctx, f.Span), "send "+topic, asProducer...)
	span.SetAttributes(sendAttributes(topic)...)
	span.SetAttributes(deadLetterKey.String(string(f.Class)), attemptKey.Int(f.Attempts))
	setMessageID(span, m)
	return ctx, func(err error) {
		setFailure(span, message.ClassOf(err))
		span.End()
	}
}

// setMessageID notes the message's id, once its envelope was opened.
func setMessageID(span trace.Span, m *message.Message) {
	if id := m.Header.MessageID; id != "" {
		const most = "%.100s" // a producer may write any text there
		span.SetAttributes(semconv.MessagingMessageID(fmt.Sprintf(most, id)))
	}
}

// setFailure notes the class of a failure, "" for none.
func setFailure(span trace.Span, class message.Class) {
	if class != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(string(class)))
		span.SetStatus(codes.Error, "")
	}
}
