package ops

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// Consumer is a consumer that is asked.
type Consumer interface {
	Name() string        // tells it from the others of this process
	Live() error         // why only a restart can help, nil when none is needed
	Ready() error        // why it does no work at present, nil when it does
	Stats() engine.Stats // its present figures
}

// NewMetrics returns a registry with the metrics of the process. The user's
// collectors are registered there too.
func NewMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("consumer_"+name, help, labels, nil)
}

var (
	events = describe("events_total", "What happened to messages.", "event")
	ready  = describe("ready", "1 when the consumer works, 0 when /readyz says why it does not.")
)

// figures are those of the engine's that are one number.
var figures = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(engine.Stats) int64
}{
	{describe("commits_failed_total", "Commits that failed; each is tried again."), prometheus.CounterValue, func(s engine.Stats) int64 { return s.FailedCommits }},
	{describe("partitions", "Partitions assigned to this instance."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Lanes) }},
	{describe("partitions_paused", "Assigned partitions that take no messages for now."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Paused) }},
	{describe("topics_paused", "Topics whose messages are kept from the dead letters, because none succeeds."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(len(s.PausedTopics)) }},
	{describe("workers_busy", "Workers that run a handler."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Busy) }},
	{describe("messages_in_flight", "Messages taken from the broker and not done."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Records) }},
	{describe("bytes_in_flight", "Memory of the messages in flight, in bytes."), prometheus.GaugeValue, func(s engine.Stats) int64 { return s.Bytes }},
	{describe("dead_letters_refused", "Messages whose dead letter was not acknowledged and is tried again."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Refused) }},
	{describe("messages_waiting", "Messages that wait for something unavailable."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Waiting) }},
	{describe("uncommitted_messages", "Messages that would be handled again if the service died now."), prometheus.GaugeValue, func(s engine.Stats) int64 { return s.Window }},
}

// stats turns a consumer's figures into metrics whenever they are asked for.
type stats struct{ consumer Consumer }

// Describe sends what Collect sends.
func (s stats) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(s, to) }

// Collect sends the present figures.
func (s stats) Collect(to chan<- prometheus.Metric) {
	now := s.consumer.Stats()
	for event, n := range now.Events {
		to <- prometheus.MustNewConstMetric(events, prometheus.CounterValue, float64(n), event)
	}
	isReady := 0.0
	if s.consumer.Ready() == nil {
		isReady = 1
	}
	to <- prometheus.MustNewConstMetric(ready, prometheus.GaugeValue, isReady)
	for _, f := range figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, float64(f.of(now)))
	}
}
