package ops

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// status is what /status answers: what the service does, and why it does not.
type status struct {
	Service   string           `json:"service"`
	Version   string           `json:"version"`
	State     string           `json:"state"` // running, or why it is not
	Ready     bool             `json:"ready"` // as /readyz says
	Checks    []checkStatus    `json:"checks"`
	Consumers []consumerStatus `json:"consumers"`
	Settings  []config.Shown   `json:"settings"`
}

type checkStatus struct {
	Name  string `json:"name"`
	Error string `json:"error"` // empty if there is none
}

type consumerStatus struct {
	Group        string    `json:"group"`
	Topics       []string  `json:"topics"`
	NotReady     string    `json:"notReady"` // why it does no work, empty when it does
	NotLive      string    `json:"notLive"`  // why only a restart can help, empty when none is needed
	PausedTopics []string  `json:"pausedTopics"`
	Errors       []failure `json:"errors"` // the newest first
	// Figures are those of /metrics, by the same names. Each has its labels and "value".
	Figures map[string][]map[string]any `json:"figures"`
}

// failure is the last error of a message.
type failure struct {
	Time      time.Time     `json:"time"`
	Topic     string        `json:"topic"`
	Partition int32         `json:"partition"`
	Offset    int64         `json:"offset"`
	Event     string        `json:"event"`
	Class     message.Class `json:"class"`
	Error     string        `json:"error"`
}

// failures are those of the messages that failed last.
type failures struct {
	mu   sync.Mutex
	last []failure
}

const mostFailures = 10

func (f *failures) add(e engine.Event, class message.Class) {
	m := e.Message
	added := failure{time.Now().UTC(), m.Topic, m.Partition, m.Offset, e.Kind.String(), class, textOf(e.Err)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = slices.DeleteFunc(f.last, func(other failure) bool { // one message that is tried again and again hides no other
		return other.Topic == m.Topic && other.Partition == m.Partition && other.Offset == m.Offset
	})
	f.last = append(f.last[max(len(f.last)-mostFailures+1, 0):], added)
}

func (f *failures) newestFirst() []failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append([]failure{}, f.last...)
	slices.Reverse(all)
	return all
}

// textOf returns an error's text on one line, cut as in dead letters, and none of nil.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return engine.Failure{Err: errors.New(config.Redact(oneLine(err.Error())))}.Reason()
}

func (s *Server) answerStatus(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(s.status(r.Context())) //nolint:errchkjson // a client that has gone needs no answer
}

func (s *Server) status(ctx context.Context) status {
	now := status{s.Service, s.Version, "running", true, []checkStatus{}, []consumerStatus{}, s.Settings}
	if err := s.why(); err != nil {
		now.State, now.Ready = textOf(err), false
	} else {
		for i, err := range ask(ctx, s.Checks) {
			now.Checks = append(now.Checks, checkStatus{s.Checks[i].Name, textOf(err)})
			now.Ready = now.Ready && err == nil
		}
	}
	for _, c := range s.consumers {
		now.Consumers = append(now.Consumers, c.status())
		now.Ready = now.Ready && c.Ready() == nil
	}
	return now
}

// status returns what the consumer says, and its figures but for histograms and for what
// has not happened.
func (f *figures) status() consumerStatus {
	now := consumerStatus{
		f.Name(), slices.Sorted(maps.Keys(f.topics)), textOf(f.Ready()), textOf(f.Live()), append([]string{}, f.Stats().PausedTopics...),
		f.failures.newestFirst(), make(map[string][]map[string]any),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(f)
	families, _ := registry.Gather() // what cannot be gathered is left out
	for _, family := range families {
		for _, m := range family.GetMetric() {
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if m.GetHistogram() != nil || m.GetCounter() != nil && value == 0 && len(m.GetLabel()) > 0 {
				continue
			}
			of := map[string]any{"value": value}
			for _, label := range m.GetLabel() {
				of[label.GetName()] = label.GetValue()
			}
			now.Figures[family.GetName()] = append(now.Figures[family.GetName()], of)
		}
	}
	return now
}
