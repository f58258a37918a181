package tracing

import (
	"errors"
	"log/slog"
	"maps"
	"testing"
	"time"

	attributes "go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// measuring returns what measures, and what reads that: a count for each metric and
// attributes.
func measuring(t *testing.T) (*Tracing, func() map[string]int64) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	m, err := newMetrics("test", reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &Tracing{isMeasured: true}
	made.metrics.Store(m)
	return made, func() map[string]int64 {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		counts := make(map[string]int64)
		for _, m := range all.ScopeMetrics[0].Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					counts[m.Name+" "+p.Attributes.Encoded(attributes.DefaultEncoder())] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					counts[m.Name+" "+p.Attributes.Encoded(attributes.DefaultEncoder())] = int64(p.Count)
				}
			}
		}
		return counts
	}
}

// Attempts, messages and what is published are counted under the conventions' names,
// once each, with the class of a failure. One of the user's own makes no attribute.
func TestMetricsHaveTheConventionsNames(t *testing.T) {
	made, counts := measuring(t)
	m := &message.Message{Topic: "accounts"}
	own := message.Fail("no-such-customer-4711", "secret")
	for _, e := range []engine.Event{
		{Kind: engine.Retrying, Message: m, Err: errors.New("secret"), Elapsed: time.Second},
		{Kind: engine.Unavailable, Message: m, Err: message.Unavailable(errors.New("secret"))},
		{Kind: engine.Handled, Message: m, Elapsed: time.Second},
		{Kind: engine.DeadLetterRefused, Message: m, Err: own},
		{Kind: engine.DeadLettered, Message: m, Err: own},
		{Kind: engine.Ignored, Message: m},
		{Kind: engine.Stopped, Message: m, Err: own},
	} {
		made.Observer("g")(e)
	}
	var seen []string
	published := made.Published(func(topic string, _ error) { seen = append(seen, topic) })
	published("opened", nil)
	published("opened", message.Unavailable(errors.New("secret")))

	const process, consumed, sent = "messaging.process.duration ", "messaging.client.consumed.messages ", "messaging.client.sent.messages "
	const inGroup = "messaging.consumer.group.name=g,messaging.destination.name=accounts,"
	toBroker := ",messaging.system=" + system.Value.AsString()
	want := map[string]int64{
		process + inGroup + "messaging.operation.name=process" + toBroker:                                          1,
		process + "error.type=handler," + inGroup + "messaging.operation.name=process" + toBroker:                  1,
		process + "error.type=unavailable," + inGroup + "messaging.operation.name=process" + toBroker:              1,
		process + "error.type=_OTHER," + inGroup + "messaging.operation.name=process" + toBroker:                   2,
		consumed + inGroup + "messaging.operation.name=poll" + toBroker:                                            3,
		sent + "messaging.destination.name=opened,messaging.operation.name=send" + toBroker:                        1,
		sent + "error.type=unavailable,messaging.destination.name=opened,messaging.operation.name=send" + toBroker: 1,
	}
	if got := counts(); !maps.Equal(got, want) {
		t.Errorf("counts are %v,\nwant %v", got, want)
	}
	if len(seen) != 2 {
		t.Errorf("the next saw %q", seen)
	}
}

// Whoever asks for no metrics has nothing wrapped.
func TestNothingIsMeasuredThatNobodyWants(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"no exporter": {}, "none": {metricsExporter: "none"}, "disabled": {metricsExporter: "otlp", disabled: "true"},
		"no endpoint": {metricsExporter: "otlp", anyEndpoint: ""},
	} {
		t.Setenv(anyEndpoint, "http://localhost:1")
		for key, value := range set {
			t.Setenv(key, value)
		}
		if New("test", slog.New(slog.DiscardHandler)).isMeasured {
			t.Errorf("%s: it is measured", name)
		}
		for key := range set {
			t.Setenv(key, "")
		}
	}
}
