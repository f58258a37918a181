package message_test

import (
	"context"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

// A batch is part of the trace of none of its messages.
func TestABatchIsInNoTrace(t *testing.T) {
	r := messagetest.NewRegistry()
	var inTrace atomic.Bool
	message.RegisterBatch(r, "rows", batchFunc(func(ctx context.Context, _ []message.Of[row]) []error {
		if trace.SpanContextFromContext(ctx).IsValid() {
			inTrace.Store(true)
		}
		return nil
	}), message.Batch{Size: 2})
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})
	handleRows(trace.ContextWithSpanContext(t.Context(), span), r, 1, 2)
	if inTrace.Load() {
		t.Error("the batch is in the trace of its first message")
	}
}
