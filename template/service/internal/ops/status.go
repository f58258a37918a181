package ops

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

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

const mostFailures = 10

func (f *figures) addFailure(e engine.Event, class message.Class) {
	m := e.Message
	added := failure{time.Now().UTC(), m.Topic, m.Partition, m.Offset, e.Kind.String(), class, textOf(e.Err)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = slices.DeleteFunc(f.failures, func(other failure) bool { // one message that is tried again and again hides no other
		return other.Topic == m.Topic && other.Partition == m.Partition && other.Offset == m.Offset
	})
	f.failures = append([]failure{added}, f.failures[:min(len(f.failures), mostFailures-1)]...)
}

// textOf returns an error's text on one line, cut as in dead letters, and none of nil.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error() // which may be long: most would be cut in any case, and takes time for each failure
	return engine.Failure{Err: errors.New(config.Redact(oneLine(text[:min(len(text), 8<<10)])))}.Reason()
}

// answerStatus says what the service does, and why it does not.
func (s *Server) answerStatus(w http.ResponseWriter, r *http.Request) {
	state, isReady := "running", true
	checks, consumers := []any{}, []any{} // none is not null
	if err := s.why(); err != nil {
		state, isReady = textOf(err), false
	} else {
		for i, err := range ask(r.Context(), s.Checks) {
			checks = append(checks, map[string]any{"name": s.Checks[i].Name, "error": textOf(err)})
			isReady = isReady && err == nil
		}
	}
	for _, c := range s.consumers {
		err := c.Ready()
		c.mu.Lock()
		failed := append([]failure{}, c.failures...)
		c.mu.Unlock()
		consumers = append(consumers, map[string]any{
			"group": c.Name(), "topics": slices.Sorted(maps.Keys(c.topics)), "notReady": textOf(err), "notLive": textOf(c.Live()),
			"pausedTopics": append([]string{}, c.Stats().PausedTopics...), "errors": failed, "figures": c.present(),
		})
		isReady = isReady && err == nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{ //nolint:errchkjson // a client that has gone needs no answer
		"service": s.Service, "version": s.Version, "state": state, "ready": isReady, "checks": checks, "consumers": consumers, "settings": s.Settings,
	})
}

// present returns the metrics of the consumer by their names, each with its labels and
// its value: but for histograms, and for what has not happened.
func (f *figures) present() map[string][]map[string]any {
	all, registry := make(map[string][]map[string]any), prometheus.NewRegistry()
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
			all[family.GetName()] = append(all[family.GetName()], of)
		}
	}
	return all
}
