package httpapi

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics returns the figures of all requests.
func (a *API) Metrics() []prometheus.Collector { return a.figures }

// measure returns next with the figures of its requests. Their labels are known
// beforehand: the methods of HTTP, the routes that were registered, the status.
func measure(next http.Handler) (http.Handler, []prometheus.Collector) {
	inFlight := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "http_server_requests_in_flight", Help: "Requests that are being read or answered.",
	})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Help: "What requests took, with the time to read them.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"method", "route", "code"})
	next = promhttp.InstrumentHandlerDuration(duration, next, promhttp.WithLabelFromRequest("route", routeOf))
	return promhttp.InstrumentHandlerInFlight(inFlight, next), []prometheus.Collector{inFlight, duration}
}

// routeOf returns the pattern of the path of a request that was served, other if it has none.
func routeOf(r *http.Request) string {
	return cmp.Or(r.Pattern[strings.IndexByte(r.Pattern, ' ')+1:], "other")
}
