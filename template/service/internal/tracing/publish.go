package tracing

import (
	"context"
	"strconv"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Publisher is what publishes events, and logs what is not delivered and nobody asks
// about.
type Publisher interface {
	message.Publisher
	LogUndelivered(d message.Delivery, err error)
}

// Publisher returns p with a span for each event, whose context goes with the event.
func (t *Tracing) Publisher(p Publisher) message.Publisher {
	if t.provider == nil {
		return p
	}
	return publisher{p, t}
}

type publisher struct {
	Publisher
	tracing *Tracing
}

// Publish implements message.Publisher.
func (p publisher) Publish(ctx context.Context, e message.Event) error {
	ctx, span := p.tracing.send(ctx, e)
	defer span.End()
	err := p.Publisher.Publish(ctx, e)
	setFailure(span, message.ClassOf(err))
	return err
}

// PublishAsync implements message.Publisher. The span ends when the event is
// delivered.
func (p publisher) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	ctx, span := p.tracing.send(ctx, e)
	if !span.IsRecording() {
		p.Publisher.PublishAsync(ctx, e, delivered)
		return
	}
	if delivered == nil {
		delivered = p.LogUndelivered
	}
	p.Publisher.PublishAsync(ctx, e, func(d message.Delivery, err error) {
		if d.Partition >= 0 {
			span.SetAttributes(semconv.MessagingDestinationPartitionID(strconv.Itoa(int(d.Partition))))
		}
		if d.Offset >= 0 {
			span.SetAttributes(offset(d.Offset))
		}
		setFailure(span, message.ClassOf(err))
		span.End()
		delivered(d, err)
	})
}

// send begins the span of an event. Its parent is the span in ctx or, when there is
// none, what the message being handled came from.
func (t *Tracing) send(ctx context.Context, e message.Event) (context.Context, trace.Span) {
	if cause, ok := message.FromContext(ctx); ok && !isInTrace(ctx) {
		ctx = contextOf(ctx, cause)
	}
	topic := message.TopicOf(e)
	ctx, span := t.start(ctx, "send", topic, asProducer)
	if span.IsRecording() {
		var id string
		ctx, id = message.EnsureMessageID(ctx)
		span.SetAttributes(sendAttributes(topic)...)
		span.SetAttributes(semconv.MessagingMessageID(id))
	}
	return withTrace(ctx), span
}

func sendAttributes(topic string) []attribute {
	return []attribute{
		system, semconv.MessagingOperationName("send"), semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName(topic),
	}
}
