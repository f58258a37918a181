package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// sampling says which spans the SDK drops, as it would say itself.
type sampling struct {
	ofParent bool   // what has a parent is sampled when that is
	below    uint64 // what 63 bits of a trace's id are below, if the trace is sampled
}

// newSampling reads the settings as the SDK does, which logs what is wrong with them.
func newSampling() sampling {
	const all = 1 << 63
	setting := func(name string) string { return strings.ToLower(strings.TrimSpace(os.Getenv(name))) }
	name, ofParent := strings.CutPrefix(setting(tracesSampler), "parentbased_")
	switch name {
	case "always_on":
		return sampling{ofParent, all}
	case "always_off":
		return sampling{ofParent, 0}
	case "traceidratio":
		ratio, err := strconv.ParseFloat(setting(tracesSamplerArg), 64)
		if err != nil || ratio < 0 || ratio > 1 {
			ratio = 1
		}
		return sampling{ofParent, uint64(ratio * all)}
	}
	return sampling{true, all}
}

func (s sampling) drops(parent trace.SpanContext) bool {
	if s.ofParent && parent.IsValid() {
		return !parent.IsSampled()
	}
	id := parent.TraceID()
	return binary.BigEndian.Uint64(id[8:])>>1 >= s.below
}

// start begins a span of what is done with a topic. Of one that is not sampled, as most
// are not, it makes only the ids, which go on with what is published and into the log:
// the SDK would make more, and look for the parent four times.
func (t *Tracing) start(ctx context.Context, operation, topic string, options []trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanContextFromContext(ctx)
	isRoot := !parent.HasTraceID()
	if isRoot {
		parent = parent.WithTraceID(newTraceID()) // without a span, it is no parent
	}
	if t.sampling.drops(parent) {
		ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: parent.TraceID(), SpanID: newSpanID(), TraceState: parent.TraceState(), TraceFlags: parent.TraceFlags() &^ trace.FlagsSampled,
		}))
		return ctx, trace.SpanFromContext(ctx)
	}
	if isRoot {
		ctx = trace.ContextWithSpanContext(ctx, parent) // the SDK takes its id, and decides the same
	}
	return t.tracer.Start(ctx, operation+" "+topic, options...) //nolint:spancheck // who asked for it ends it
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
