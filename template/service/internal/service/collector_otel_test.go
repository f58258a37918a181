package service_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// span is a span as OTLP has it in JSON.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Status                              struct{ Code int }
	Links                               []struct{ SpanID string }
	Attributes                          []struct {
		Key   string
		Value map[string]any
	}
}

// The kinds and the status of spans in OTLP.
const (
	kindServer, kindProducer, kindConsumer = 2, 4, 5
	statusError                            = 2
)

// get returns the value of an attribute, nil if there is none.
func (s *span) get(key string) any {
	for _, a := range s.Attributes {
		if a.Key == key {
			for _, value := range a.Value {
				return value
			}
		}
	}
	return nil
}

// normalize writes the ids as headers have them.
func (s *span) normalize() {
	for _, id := range []*string{&s.TraceID, &s.SpanID, &s.ParentSpanID} {
		*id = strings.ToLower(*id)
	}
	for i := range s.Links {
		s.Links[i].SpanID = strings.ToLower(s.Links[i].SpanID)
	}
}

// collector takes spans and metrics by OTLP over HTTP.
type collector struct {
	mu      sync.Mutex
	text    bytes.Buffer // of all requests
	spans   []span
	metrics []byte // of the last request; its exporter knows no JSON
}

// startCollector starts a collector, and has what is started later export to it when it
// ends.
func startCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	exportTo(t, server.URL, "600000")
	return c
}

// exportTo has what is started later export to url, after so many milliseconds.
func exportTo(t *testing.T, url, delay string) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", delay)
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
	}
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/v1/metrics" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.metrics = body
		c.text.Write(body)
		return
	}
	if err := json.Unmarshal(body, &request); err != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(body)
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				s.normalize()
				c.spans = append(c.spans, s)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("{}"))
}

// of returns the spans of a name that have the message's id.
func (c *collector) of(name, id string) (found []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name && (id == "" || s.get("messaging.message.id") == id) {
			found = append(found, s)
		}
	}
	return found
}

// one returns the only span of a name with the message's id.
func (c *collector) one(t *testing.T, name, id string) span {
	t.Helper()
	found := c.of(name, id)
	if len(found) != 1 {
		t.Fatalf("%d spans %s of %q, want one", len(found), name, id)
	}
	return found[0]
}

func expect(t *testing.T, s span, kind int, trace, parent string, attributes map[string]any) {
	t.Helper()
	if s.Kind != kind || s.TraceID != trace || s.ParentSpanID != parent {
		t.Errorf("%s: kind %d, trace %s, parent %s; want %d, %s, %s", s.Name, s.Kind, s.TraceID, s.ParentSpanID, kind, trace, parent)
	}
	for key, want := range attributes {
		if got := s.get(key); got != want {
			t.Errorf("%s: %s is %v, want %v", s.Name, key, got, want)
		}
	}
}

func partitionText(r *message.Message) string { return strconv.Itoa(int(r.Partition)) }

func headersOf(r *message.Message, name string) (values []string) {
	for _, h := range r.Headers {
		if h.Key == name {
			values = append(values, string(h.Value))
		}
	}
	return values
}
