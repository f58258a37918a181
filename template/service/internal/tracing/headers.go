package tracing

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// headers are a message's transport headers as the propagator reads and writes them.
type headers message.Message

// Get returns the value of the last header called key.
func (h *headers) Get(key string) string {
	value, _ := (*message.Message)(h).Get(key)
	return string(value)
}

// Set adds a header.
func (h *headers) Set(key, value string) {
	h.Headers = append(h.Headers, message.Field{Key: key, Value: []byte(value)})
}

// Keys returns the names of all headers.
func (h *headers) Keys() (keys []string) {
	for _, f := range h.Headers {
		keys = append(keys, f.Key)
	}
	return keys
}

// contextOf returns ctx in the trace that m came with.
func contextOf(ctx context.Context, m *message.Message) context.Context {
	for _, name := range message.TraceHeaders {
		if _, ok := m.Get(name); ok {
			return propagator.Extract(ctx, (*headers)(m))
		}
	}
	return ctx
}

// withTrace returns a context in which what is published has the headers of the
// span in ctx.
func withTrace(ctx context.Context) context.Context {
	var h headers
	propagator.Inject(ctx, &h)
	return message.WithTrace(ctx, h.Headers)
}

// isInTrace reports whether there is a span in ctx, made here or elsewhere.
func isInTrace(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsValid() }
