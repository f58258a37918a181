package tracing

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	attributes "go.opentelemetry.io/otel/attribute"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// metrics are those that OpenTelemetry's conventions have for messages.
type metrics struct {
	provider *sdkmetric.MeterProvider
	process  messagingconv.ProcessDuration
	consumed messagingconv.ClientConsumedMessages
	sent     messagingconv.ClientSentMessages
	sets     sync.Map // of attributes, by what they say: a setKey
}

// setKey says what a set of attributes says.
type setKey struct{ operation, topic, group, failure string }

// buckets are the conventions' for durations of messages, in seconds.
var buckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}

// newMetrics returns metrics that a reader takes.
func newMetrics(service string, reader sdkmetric.Reader) (*metrics, error) {
	m := &metrics{provider: sdkmetric.NewMeterProvider(sdkmetric.WithResource(newResource(service)), sdkmetric.WithReader(reader))}
	meter := m.provider.Meter(scope)
	var errs [3]error
	m.process, errs[0] = messagingconv.NewProcessDuration(meter, metric.WithExplicitBucketBoundaries(buckets...))
	m.consumed, errs[1] = messagingconv.NewClientConsumedMessages(meter)
	m.sent, errs[2] = messagingconv.NewClientSentMessages(meter)
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return m, nil
}

// startMetrics begins to export metrics, if they are wanted.
func (t *Tracing) startMetrics(ctx context.Context) error {
	if !t.isMeasured {
		return nil
	}
	sender, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	m, err := newMetrics(t.service, sdkmetric.NewPeriodicReader(sender))
	if err == nil {
		t.metrics.Store(m)
		t.log.Info("exporting metrics", "to", endpoint(metricsEndpoint))
	}
	return err
}

// Observer returns what sees the events of a consumer group.
func (t *Tracing) Observer(group string) func(engine.Event) {
	if !t.isMeasured {
		return func(engine.Event) {}
	}
	return func(e engine.Event) { t.metrics.Load().observe(group, e) } // no message comes before Start
}

// observe notes an event: what an attempt took, and that a message is done.
func (m *metrics) observe(group string, e engine.Event) {
	topic := e.Message.Topic
	switch e.Kind {
	case engine.DeadLetterRefused:
		return
	case engine.Ignored:
	default:
		m.process.RecordSet(context.Background(), e.Elapsed.Seconds(), m.set("process", topic, group, e.Err))
	}
	if e.Kind != engine.Retrying && e.Kind != engine.Unavailable && e.Kind != engine.Stopped {
		m.consumed.AddSet(context.Background(), 1, m.set("poll", topic, group, nil))
	}
}

// Published returns what sees what became of each message that is published, before
// next does.
func (t *Tracing) Published(next func(topic string, err error)) func(topic string, err error) {
	if !t.isMeasured {
		return next
	}
	return func(topic string, err error) {
		if m := t.metrics.Load(); m != nil { // it has started
			m.sent.AddSet(context.Background(), 1, m.set("send", topic, "", err))
		}
		next(topic, err)
	}
}

// set returns the attributes of what is measured, as one makes them: each set once.
func (m *metrics) set(operation, topic, group string, err error) attributes.Set {
	key := setKey{operation: operation, topic: topic, group: group}
	if err != nil {
		key.failure = string(message.ClassOf(err))
		if !slices.Contains(message.Classes, message.Class(key.failure)) {
			key.failure = "_OTHER" // the conventions' word; one of the user's own may be anything
		}
	}
	if set, ok := m.sets.Load(key); ok {
		return set.(attributes.Set)
	}
	all := []attribute{system, semconv.MessagingOperationName(operation), semconv.MessagingDestinationName(topic)}
	if group != "" {
		all = append(all, semconv.MessagingConsumerGroupName(group))
	}
	if key.failure != "" {
		all = append(all, semconv.ErrorTypeKey.String(key.failure))
	}
	set, _ := m.sets.LoadOrStore(key, attributes.NewSet(all...))
	return set.(attributes.Set)
}
