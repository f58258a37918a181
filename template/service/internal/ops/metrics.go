package ops

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewMetrics returns a registry with the metrics of the process. The user's
// collectors are registered there too.
func NewMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// registerConsumers adds the consumers' metrics. Those of several consumers have
// the label consumer.
func registerConsumers(r *prometheus.Registry, consumers []Consumer) error {
	var errs []error
	for _, c := range consumers {
		var labels prometheus.Labels
		if len(consumers) > 1 {
			labels = prometheus.Labels{"consumer": c.Name()}
		}
		errs = append(errs, prometheus.WrapRegistererWith(labels, r).Register(stats{c}))
	}
	return errors.Join(errs...)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("consumer_"+name, help, labels, nil)
}

var (
	descEvents  = describe("events_total", "What happened to messages.", "event")
	descReady   = describe("ready", "1 when the consumer works, 0 when /readyz says why it does not.")
	descLanes   = describe("partitions", "Partitions assigned to this instance.")
	descPaused  = describe("partitions_paused", "Assigned partitions that take no messages for now.")
	descBusy    = describe("workers_busy", "Workers that have something to do.")
	descRecords = describe("messages_in_flight", "Messages taken from the broker and not done.")
	descBytes   = describe("bytes_in_flight", "Keys, values and headers of the messages in flight, in bytes.")
	descRefused = describe("dead_letters_refused", "Messages whose dead letter was not acknowledged and is tried again.")
	descWaiting = describe("messages_waiting", "Messages that wait for something that is away.")
	descCommits = describe("commits_failed_total", "Commits that failed; each is tried again.")
	descWindow  = describe("uncommitted_messages", "Messages that would be handled again if the service died now.")
)

// stats turns a consumer's figures into metrics whenever they are asked for.
type stats struct{ consumer Consumer }

// Describe sends what Collect can send.
func (s stats) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descEvents, descReady, descLanes, descPaused, descBusy, descRecords, descBytes, descRefused, descWaiting, descCommits, descWindow} {
		to <- d
	}
}

// Collect sends the present figures.
func (s stats) Collect(to chan<- prometheus.Metric) {
	now := s.consumer.Stats()
	for event, n := range now.Events {
		to <- prometheus.MustNewConstMetric(descEvents, prometheus.CounterValue, float64(n), event)
	}
	to <- prometheus.MustNewConstMetric(descCommits, prometheus.CounterValue, float64(now.FailedCommits))
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	ready := 0.0
	if s.consumer.Ready() == nil {
		ready = 1
	}
	gauge(descReady, ready)
	gauge(descLanes, float64(now.Lanes))
	gauge(descPaused, float64(now.Paused))
	gauge(descBusy, float64(now.Busy))
	gauge(descRecords, float64(now.Records))
	gauge(descBytes, float64(now.Bytes))
	gauge(descRefused, float64(now.Refused))
	gauge(descWaiting, float64(now.Waiting))
	gauge(descWindow, float64(now.Window))
}
