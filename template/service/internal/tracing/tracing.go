// Package tracing makes spans of what the service does, and metrics by OpenTelemetry's
// names, and exports them by OTLP. The settings are OpenTelemetry's own, OTEL_…, which
// its SDK reads from the environment.
//
//	tracing.go    Tracing: its start and its end
//	settings.go   what of the settings is checked here
//	sampling.go   which spans are made
//	exporter.go   spans on their way out
//	headers.go    W3C's trace context in the headers of messages
//	consume.go    spans of attempts and of dead letters
//	publish.go    spans of what is published
//	metrics.go    metrics of both
//	log.go        ids of trace and span in the log
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is what the spans of this package are made by.
const scope = "github.com/ouroboros-forge/forge/template/service/internal/tracing"

// flushTimeout is what the last spans have to leave: who waits for a collector that
// does not answer waits for nothing that is worth it.
const flushTimeout = 3 * time.Second

// propagator reads and writes W3C's headers.
var propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// Tracing makes the service's spans and metrics. Without an endpoint to export them to
// it makes none, and what it wraps stays as it is.
type Tracing struct {
	service    string
	log        *slog.Logger
	provider   *sdk.TracerProvider // nil when no spans are wanted
	sampling   sampling
	tracer     trace.Tracer
	isMeasured bool                    // metrics are wanted
	metrics    atomic.Pointer[metrics] // from Start on
}

// New returns what makes the spans of a service. They are exported from Start on.
func New(service string, log *slog.Logger) *Tracing {
	t := &Tracing{service: service, log: log, isMeasured: isMeasured()}
	if isWanted() || t.isMeasured {
		otel.SetErrorHandler(errorHandler(log)) // before the SDK reads what may be wrong
	}
	if !isWanted() {
		return t
	}
	t.sampling = newSampling()
	t.provider = sdk.NewTracerProvider(sdk.WithResource(newResource(service)))
	t.tracer = t.provider.Tracer(scope)
	return t
}

// newResource says who makes the spans. What OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES say goes over the service's own name and version.
func newResource(service string) *resource.Resource {
	own := []attribute{semconv.ServiceName(service)}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		own = append(own, semconv.ServiceVersion(build.Main.Version))
	}
	r, err := resource.New(context.Background(), resource.WithTelemetrySDK(), resource.WithAttributes(own...), resource.WithFromEnv())
	if err != nil {
		otel.Handle(err) // what could be read is there
	}
	return r
}

// Start checks the settings and begins to export. It makes no connection: a collector
// that is away is no reason to wait. From here on libraries find the provider where
// they look for it.
func (t *Tracing) Start(ctx context.Context) error {
	if t.provider == nil && !t.isMeasured {
		return nil
	}
	if err := checkSettings(os.Getenv); err != nil {
		return err
	}
	if err := t.startMetrics(ctx); err != nil || t.provider == nil {
		return err
	}
	sender, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	t.provider.RegisterSpanProcessor(sdk.NewBatchSpanProcessor(&exporter{SpanExporter: sender, log: t.log}))
	otel.SetTracerProvider(t.provider)
	otel.SetTextMapPropagator(propagator)
	t.log.Info("exporting traces", "to", endpoint(tracesEndpoint))
	return nil
}

// Shutdown exports the last metrics and spans, side by side. It takes no longer than
// flushTimeout, and it is no error when that does not succeed: nothing but these is lost.
func (t *Tracing) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	var both sync.WaitGroup
	if m := t.metrics.Load(); m != nil {
		both.Go(func() { t.warn("the last metrics are not exported", m.provider.Shutdown(ctx)) })
	}
	if t.provider != nil {
		both.Go(func() { t.warn("the last traces are not exported", t.provider.Shutdown(ctx)) })
	}
	both.Wait()
	return nil
}

func (t *Tracing) warn(what string, err error) {
	if err != nil {
		t.log.Warn(what, "error", err)
	}
}

// errorHandler logs what the SDK complains about, once a minute at most.
func errorHandler(log *slog.Logger) otel.ErrorHandler {
	var mu sync.Mutex
	var last time.Time
	return otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if last.IsZero() || time.Since(last) >= time.Minute {
			last = time.Now()
			log.Warn("OpenTelemetry", "error", err)
		}
	})
}

type contextKey struct{}

// NewContext returns a context that has t with it.
func (t *Tracing) NewContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}
