package ops

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Consumer is a consumer that is asked.
type Consumer interface {
	Name() string        // tells it from the others of this process
	Live() error         // why only a restart can help, nil when none is needed
	Ready() error        // why it does no work at present, nil when it does
	Stats() engine.Stats // its present figures
	Observe(func(engine.Event))
	EachLag(func(topic string, partition int32, lag int64)) // for each partition that it reads
}

// NewMetrics returns a registry with the metrics of the process. The user's
// collectors are registered there too.
func NewMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// CountPublished returns what counts a message to a topic, published if err is nil.
func CountPublished(r *prometheus.Registry) func(topic string, err error) {
	messages := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "publisher_messages_total", Help: "What became of messages for the broker, dead letters too.",
	}, []string{"topic", "outcome"})
	r.MustRegister(messages)
	return func(topic string, err error) {
		failed := 0.0
		if err != nil {
			failed = 1
		}
		messages.WithLabelValues(topic, "failed").Add(failed) // there before the first fails
		messages.WithLabelValues(topic, "published").Add(1 - failed)
	}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("consumer_"+name, help, labels, nil)
}

var (
	ready  = describe("ready", "1 when the consumer works, 0 when /readyz says why it does not.")
	lag    = describe("lag_messages", "How many messages a partition has from the first that is not done on, some seconds ago.", "topic", "partition")
	oldest = describe("oldest_message_age_seconds", "How long ago the oldest message was written that is taken from the broker and not done, 0 if there is none.", "topic")
)

// numbers are the engine's figures that are one number.
var numbers = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(engine.Stats) int64
}{
	{describe("commits_total", "Commits that succeeded."), prometheus.CounterValue, func(s engine.Stats) int64 { return s.Commits }},
	{describe("commits_failed_total", "Commits that failed; each is tried again."), prometheus.CounterValue, func(s engine.Stats) int64 { return s.FailedCommits }},
	{describe("partitions_assigned_total", "Partitions that were assigned to this instance: each rebalance that gives it some adds them."), prometheus.CounterValue, func(s engine.Stats) int64 { return s.Assigned }},
	{describe("partitions", "Partitions assigned to this instance."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Lanes) }},
	{describe("partitions_paused", "Assigned partitions that take no messages for now."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Paused) }},
	{describe("topics_paused", "Topics whose messages are kept from the dead letters, because none succeeds."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(len(s.PausedTopics)) }},
	{describe("workers_busy", "Workers that run a handler."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Busy) }},
	{describe("messages_in_flight", "Messages taken from the broker and not done."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Records) }},
	{describe("bytes_in_flight", "Memory of the messages in flight, in bytes."), prometheus.GaugeValue, func(s engine.Stats) int64 { return s.Bytes }},
	{describe("dead_letters_refused", "Messages whose dead letter was not acknowledged and is tried again."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Refused) }},
	{describe("messages_waiting", "Messages that wait for something unavailable."), prometheus.GaugeValue, func(s engine.Stats) int64 { return int64(s.Waiting) }},
	{describe("uncommitted_messages", "Messages taken and not committed: no more would be handled again if the service died now."), prometheus.GaugeValue, func(s engine.Stats) int64 { return s.Window }},
}

// figures are a consumer's: of its messages as things happen to them, and what it
// says whenever it is asked.
type figures struct {
	Consumer
	topics   map[string]successes
	events   *prometheus.CounterVec
	attempts *prometheus.HistogramVec

	mu       sync.Mutex
	failures []failure // of the messages that failed last, the newest first
}

// successes are what most messages of a topic are counted by, looked up once.
type successes struct {
	handled  prometheus.Counter
	attempts prometheus.Observer
}

// newFigures returns the figures of a consumer of the topics. All that may happen to
// their messages is 0 at first, so that the first time is an increase.
func newFigures(c Consumer, topics []string) *figures {
	f := &figures{
		Consumer: c, topics: make(map[string]successes),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "consumer_events_total", Help: "What happened to messages, and the class of the failure if it was one.",
		}, []string{"topic", "event", "class"}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "consumer_handler_duration_seconds", Help: "What attempts took, failed ones too.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"topic"}),
	}
	for _, topic := range topics {
		f.topics[topic] = successes{f.events.WithLabelValues(topic, engine.Handled.String(), ""), f.attempts.WithLabelValues(topic)}
		for kind := engine.Handled; kind <= engine.Ignored; kind++ {
			classes := append(slices.Clip(message.Classes), otherClass)
			if kind == engine.Handled || kind == engine.Ignored {
				classes = []message.Class{""}
			}
			for _, class := range classes {
				f.events.WithLabelValues(topic, kind.String(), string(class))
			}
		}
	}
	c.Observe(f.observe)
	return f
}

// otherClass stands for all classes of the user's own: no label is made of what may be anything.
const otherClass message.Class = "other"

// observe counts an event. An attempt is over with any but DeadLetterRefused.
func (f *figures) observe(e engine.Event) {
	if e.Kind == engine.Handled {
		of := f.topics[e.Message.Topic]
		of.handled.Inc()
		of.attempts.Observe(e.Elapsed.Seconds())
		return
	}
	class := message.ClassOf(e.Err)
	if e.Err != nil && !slices.Contains(message.Classes, class) {
		class = otherClass
	}
	f.events.WithLabelValues(e.Message.Topic, e.Kind.String(), string(class)).Inc()
	if e.Err != nil {
		f.addFailure(e, class)
	}
	if e.Kind != engine.DeadLetterRefused && e.Kind != engine.Ignored {
		f.attempts.WithLabelValues(e.Message.Topic).Observe(e.Elapsed.Seconds())
	}
}

// Describe sends what Collect sends.
func (f *figures) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, to) }

// Collect sends the present figures.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	f.events.Collect(to)
	f.attempts.Collect(to)
	isReady := 0.0
	if f.Ready() == nil {
		isReady = 1
	}
	to <- prometheus.MustNewConstMetric(ready, prometheus.GaugeValue, isReady)
	f.EachLag(func(topic string, partition int32, n int64) {
		to <- prometheus.MustNewConstMetric(lag, prometheus.GaugeValue, float64(n), topic, strconv.Itoa(int(partition)))
	})
	now := f.Stats()
	for topic := range f.topics {
		age := time.Duration(0)
		if since, ok := now.Oldest[topic]; ok {
			age = max(time.Since(since), 0)
		}
		to <- prometheus.MustNewConstMetric(oldest, prometheus.GaugeValue, age.Seconds(), topic)
	}
	for _, n := range numbers {
		to <- prometheus.MustNewConstMetric(n.desc, n.kind, float64(n.of(now)))
	}
}
