package httpapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// gathered are the figures of an API: how many requests there were by their labels, and
// how many are in flight.
func gathered(t *testing.T, a *API) (requests map[string]uint64, inFlight float64) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(a.Metrics()...)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	requests, inFlight = map[string]uint64{}, -1
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "http_server_requests_in_flight" {
				inFlight = m.GetGauge().GetValue()
				continue
			}
			of := []string{f.GetName()}
			for _, l := range m.GetLabel() {
				of = append(of, l.GetValue())
			}
			requests[strings.Join(of, " ")] = m.GetHistogram().GetSampleCount()
		}
	}
	return requests, inFlight
}

// TestMetricsOfRequestsHaveBoundedLabels: whatever path and method they come with.
func TestMetricsOfRequestsHaveBoundedLabels(t *testing.T) {
	var inside float64
	var a *API
	a = newAPI(func(context.Context, Request[payment]) error { _, inside = gathered(t, a); return nil })
	a.Handle("GET /accounts/{id}", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	send(t, a, http.MethodPost, "/payments", valid)
	send(t, a, http.MethodPost, "/payments", "no JSON")
	send(t, a, http.MethodGet, "/payments", "")
	for i := range 20 {
		send(t, a, http.MethodGet, fmt.Sprint("/accounts/", i), "")
		send(t, a, http.MethodGet, fmt.Sprint("/", i), "")
		send(t, a, fmt.Sprint("METHOD", i), fmt.Sprint("/", i), "")
	}
	requests, after := gathered(t, a)
	const name = "http_server_request_duration_seconds "
	want := map[string]uint64{ // code, method, route
		name + "202 post /payments": 1, name + "400 post /payments": 1, name + "405 get other": 1,
		name + "200 get /accounts/{id}": 20, name + "404 get other": 20, name + "404 unknown other": 20,
	}
	if !maps.Equal(requests, want) {
		t.Errorf("the requests are %v, want %v", slices.Sorted(maps.Keys(requests)), want)
	}
	if inside != 1 || after != 0 {
		t.Errorf("in flight are %v, and %v afterwards", inside, after)
	}
}
