package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// newSampler returns the sampler that the settings name. The SDK reads them too, and logs
// what is wrong with them.
func newSampler() sdk.Sampler {
	setting := func(name string) string { return strings.ToLower(strings.TrimSpace(os.Getenv(name))) }
	name, ofParent := strings.CutPrefix(setting(tracesSampler), "parentbased_")
	var root sdk.Sampler
	switch name {
	case "always_on":
		root = sdk.AlwaysSample()
	case "always_off":
		root = sdk.NeverSample()
	case "traceidratio":
		ratio, err := strconv.ParseFloat(setting(tracesSamplerArg), 64)
		if err != nil || ratio < 0 {
			ratio = 1
		}
		root = sdk.TraceIDRatioBased(ratio)
	default:
		root, ofParent = sdk.AlwaysSample(), true
	}
	if ofParent {
		return sdk.ParentBased(root)
	}
	return root
}

// start begins a span of what is done with a topic. Of one that is not sampled, as most
// are not, it makes only the ids, which go on with what is published and into the log:
// the SDK would make more, and look for the parent four times.
func (t *Tracing) start(ctx context.Context, operation, topic string, options []trace.SpanStartOption) (context.Context, trace.Span) {
	parent, asked := trace.SpanContextFromContext(ctx), ctx
	isRoot := !parent.HasTraceID()
	if isRoot {
		parent, asked = parent.WithTraceID(newTraceID()), context.Background()
	}
	result := t.sampler.ShouldSample(sdk.SamplingParameters{ParentContext: asked, TraceID: parent.TraceID()})
	if result.Decision == sdk.Drop {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: parent.TraceID(), SpanID: newSpanID(), TraceState: parent.TraceState(), TraceFlags: parent.TraceFlags() &^ trace.FlagsSampled,
		}))
		return ctx, trace.SpanFromContext(ctx)
	}
	if isRoot { // a trace without a span is no parent, and the SDK takes its id
		ctx = trace.ContextWithSpanContext(ctx, parent)
	}
	return t.tracer.Start(ctx, operation+" "+topic, options...)
}

func newTraceID() (id trace.TraceID) {
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64()|1) // #nosec G404 -- it is no secret, and not zero
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())   // #nosec G404
	return id
}

func newSpanID() (id trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1) // #nosec G404
	return id
}
