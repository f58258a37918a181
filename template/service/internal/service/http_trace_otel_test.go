package service_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// A request goes on in the trace that it came with, and what it publishes and who
// handles that too. Its span has neither path nor query.
func TestTracesOfRequests(t *testing.T) {
	c := startCollector(t)
	s := servicetest.Start(t, posting, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Web+"/opened?"+canary, strings.NewReader(`{"id": "`+canary+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", fromParent)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	awaitMetric(t, s, `consumer_events_total{class="",event="handled",topic="opened"} 1`)
	if got, err := post(s.Web, `{"id": 1}`); err != nil || got.status != http.StatusBadRequest {
		t.Errorf("an invalid body: %+v %v", got, err)
	}
	s.Stop()
	var good, bad span
	for _, found := range c.of("POST /opened", "") {
		if found.ParentSpanID == parentSpan {
			good = found
		} else {
			bad = found
		}
	}
	expect(t, good, kindServer, traceOf, parentSpan, map[string]any{
		"http.request.method": "POST", "http.route": "/opened", "http.response.status_code": "202",
	})
	expect(t, bad, kindServer, bad.TraceID, "", map[string]any{"http.response.status_code": "400"})
	send := c.one(t, "send opened", "")
	expect(t, send, kindProducer, traceOf, good.SpanID, nil)
	process := c.one(t, "process opened", "")
	expect(t, process, kindConsumer, traceOf, send.SpanID, map[string]any{"messaging.message.id": send.get("messaging.message.id")})
	if strings.Contains(c.text.String(), canary) {
		t.Errorf("what was posted is in a span:\n%s", &c.text)
	}
}
