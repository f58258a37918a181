package rabbitmq

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/propagation"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// LogUndelivered logs an event that was not published, as PublishAsync does without
// a callback.
func (p *Publisher) LogUndelivered(d message.Delivery, err error) {
	if err != nil && !errors.Is(err, errAbandoned) { // which is logged already
		p.logFailure(d, err)
	}
}

// addSpan notes in a dead letter the span that writes it. The message's own
// traceparent stays as it came: it is what goes on when the message is sent back.
func addSpan(ctx context.Context, m *message.Message) {
	const name = "traceparent"
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if value := carrier.Get(name); value != "" {
		m.Headers = append(m.Headers, message.Field{Key: deadletter.Prefix + name, Value: []byte(value)})
	}
}
