package tracing

import (
	"context"
	"log/slog"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exporter logs when spans cease to leave, and when they leave again, and not each
// time between. Its methods are called one at a time.
type exporter struct {
	sdk.SpanExporter
	log       *slog.Logger
	isFailing bool
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.isFailing:
		e.log.Warn("traces are not exported, the service goes on without", "error", err)
	case err == nil && e.isFailing:
		e.log.Info("traces are exported again")
	}
	e.isFailing = err != nil
	return nil // it is logged
}
