package publisher

import (
	"context"

	"go.opentelemetry.io/otel/propagation"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

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
