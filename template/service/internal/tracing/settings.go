package tracing

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// The settings that decide whether spans and metrics are made, and where they go. The
// SDK reads all of them but the first three, which other exporters than OTLP's would be
// for.
const (
	disabled         = "OTEL_SDK_DISABLED"
	tracesExporter   = "OTEL_TRACES_EXPORTER"
	metricsExporter  = "OTEL_METRICS_EXPORTER"
	anyEndpoint      = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint   = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	tracesSampler    = "OTEL_TRACES_SAMPLER"
	tracesSamplerArg = "OTEL_TRACES_SAMPLER_ARG"
	metricsEndpoint  = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	anyProtocol      = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocol   = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	metricsProtocol  = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"
	anyHeaders       = "OTEL_EXPORTER_OTLP_HEADERS"
	tracesHeaders    = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	metricsHeaders   = "OTEL_EXPORTER_OTLP_METRICS_HEADERS"
)

// isWanted reports whether the settings ask for spans.
func isWanted() bool {
	return endpoint(tracesEndpoint) != "" && !isDisabled() && os.Getenv(tracesExporter) != "none"
}

// isMeasured reports whether the settings ask for metrics. An endpoint alone does not:
// they are served at /metrics already, and what takes traces need not take them.
func isMeasured() bool {
	return endpoint(metricsEndpoint) != "" && !isDisabled() && os.Getenv(metricsExporter) == "otlp"
}

func isDisabled() bool { return strings.EqualFold(os.Getenv(disabled), "true") }

// endpoint returns where what has an endpoint of its own goes, without what only the
// exporter has to know of it, "" for nowhere.
func endpoint(own string) string {
	for _, name := range []string{own, anyEndpoint} {
		if value := os.Getenv(name); value != "" {
			if u, err := url.Parse(value); err == nil {
				return u.Redacted()
			}
			return name
		}
	}
	return ""
}

// checkSettings refuses what the SDK would log and then ignore: spans would go where
// nobody looks for them.
func checkSettings(get func(string) string) error {
	for _, name := range []string{tracesEndpoint, metricsEndpoint, anyEndpoint} {
		value := get(name)
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("%s must be a URL with http or https, such as http://localhost:4318", name) // a password may be in it
		}
	}
	for _, name := range []string{anyHeaders, tracesHeaders, metricsHeaders} {
		for header := range strings.SplitSeq(get(name), ",") {
			_, value, ok := strings.Cut(header, "=")
			if _, err := url.PathUnescape(value); header != "" && !ok || err != nil { // which the SDK logs with the value, a credential
				return fmt.Errorf("%s must be name=value, several separated by commas, with %%25 for a %%", name)
			}
		}
	}
	for _, c := range []struct {
		name    string
		allowed []string
	}{
		{tracesExporter, []string{"otlp", "none"}},
		{metricsExporter, []string{"otlp", "none"}},
		{anyProtocol, []string{"http/protobuf", "http/json"}},
		{tracesProtocol, []string{"http/protobuf", "http/json"}},
		{metricsProtocol, []string{"http/protobuf"}}, // its exporter knows no other
	} {
		if value := get(c.name); value != "" && !slices.Contains(c.allowed, value) {
			return fmt.Errorf("%s=%q: must be %s", c.name, value, strings.Join(c.allowed, " or "))
		}
	}
	return nil
}
