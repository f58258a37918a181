package tracing

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Whatever the settings say, what is sampled is what the SDK samples by them, and of what
// is not there are ids.
func TestTheSettingsDecideWhatIsSampled(t *testing.T) {
	const roots = 400
	for _, c := range []struct {
		sampler, ratio       string
		least, most          int // of the roots
		ofSampled, ofDropped bool
	}{
		{"", "", roots, roots, true, false},
		{"always_on", "", roots, roots, true, true},
		{"always_off", "", 0, 0, false, false},
		{"parentbased_always_on", "", roots, roots, true, false},
		{"parentbased_always_off", "", 0, 0, true, false},
		{"traceidratio", "0", 0, 0, false, false},
		{"traceidratio", "1", roots, roots, true, true},
		{"traceidratio", "", roots, roots, true, true},
		{"parentbased_traceidratio", "0.5", 140, 260, true, false}, // six deviations to each side
		{" ParentBased_TraceIdRatio ", "0", 0, 0, true, false},
		{"parentbased_traceidratio", "2", roots, roots, true, false},
		{"unheard_of", "0", roots, roots, true, false},
	} {
		t.Run(c.sampler+" "+c.ratio, func(t *testing.T) {
			t.Setenv(tracesSampler, c.sampler)
			t.Setenv(tracesSamplerArg, c.ratio)
			traces, _ := record(t)
			attempt := func(m *message.Message) bool { return isSampled(t, traces, m) }
			n := 0
			for range roots {
				if attempt(new(message.Message)) {
					n++
				}
			}
			if n < c.least || n > c.most {
				t.Errorf("%d of %d roots are sampled, want %d to %d", n, roots, c.least, c.most)
			}
			if got := attempt(withParent(sampled)); got != c.ofSampled {
				t.Errorf("with a parent that is sampled: %t", got)
			}
			if got := attempt(withParent(unsampled)); got != c.ofDropped {
				t.Errorf("with a parent that is not sampled: %t", got)
			}
		})
	}
}

// isSampled reports whether an attempt's span is, and checks that the SDK alone would
// decide the same of its trace.
func isSampled(t *testing.T, traces *Tracing, m *message.Message) bool {
	t.Helper()
	ctx, end := traces.Consumer("g").Attempt(t.Context(), m, engine.SpanContext{})
	defer end("")
	of := trace.SpanContextFromContext(ctx)
	if !of.IsValid() || of.IsRemote() || of.IsSampled() != trace.SpanFromContext(ctx).IsRecording() {
		t.Errorf("the span is %v", of)
	}
	alone := contextOf(trace.ContextWithSpanContext(t.Context(), trace.SpanContext{}.WithTraceID(of.TraceID())), m)
	_, span := traces.provider.Tracer("own").Start(alone, "own")
	defer span.End()
	if span.IsRecording() != of.IsSampled() {
		t.Errorf("the SDK samples %s: %t", of.TraceID(), span.IsRecording())
	}
	return of.IsSampled()
}

// What is published in a trace that begins here and is not sampled is in that trace, and
// says that it is not sampled.
func TestARootThatIsNotSampledGoesOn(t *testing.T) {
	t.Setenv(tracesSampler, "always_off")
	traces, spans := record(t)
	to := new(broker)
	ctx, end := traces.Consumer("g").Attempt(t.Context(), new(message.Message), engine.SpanContext{})
	if err := traces.Publisher(to).Publish(ctx, paid{"7"}); err != nil {
		t.Fatal(err)
	}
	end("")
	id := trace.SpanContextFromContext(ctx)
	if got := to.traceparent(); len(spans.Started()) > 0 || got[3:35] != id.TraceID().String() || got[36:52] == id.SpanID().String() || got[52:] != "-00" {
		t.Errorf("%d spans, header %s of %s", len(spans.Started()), got, id.TraceID())
	}
}

// A span that is sampled and begins a trace has no parent.
func TestARootHasNoParent(t *testing.T) {
	traces, spans := record(t)
	_, end := traces.Consumer("g").Attempt(t.Context(), &message.Message{Topic: "accounts"}, engine.SpanContext{})
	end("")
	if s := spans.Ended()[0]; s.Parent().IsValid() || s.Parent().HasSpanID() || s.Name() != "process accounts" {
		t.Errorf("%s has the parent %v", s.Name(), s.Parent())
	}
}
