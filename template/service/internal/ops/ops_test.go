package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// fake is a Service that says what it is told to.
type fake struct {
	name        string
	live, ready error
	stats       engine.Stats
}

func (f *fake) Name() string        { return f.name }
func (f *fake) Live() error         { return f.live }
func (f *fake) Ready() error        { return f.ready }
func (f *fake) Stats() engine.Stats { return f.stats }

func get(t *testing.T, path string, services ...Service) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(services...).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestProbesTellWhy(t *testing.T) {
	for _, c := range []struct {
		path string
		s    *fake
		code int
		body string
	}{
		{"/livez", &fake{ready: errors.New("no broker")}, 200, "ok\n"},
		{"/livez", &fake{live: errors.New("a handler is stuck")}, 503, "a handler is stuck\n"},
		{"/readyz", &fake{}, 200, "ok\n"},
		{"/readyz", &fake{ready: errors.New("no broker")}, 503, "no broker\n"},
		{"/other", &fake{}, 404, "404 page not found\n"},
	} {
		if code, body := get(t, c.path, c.s); code != c.code || body != c.body {
			t.Errorf("%s answers %d %q, want %d %q", c.path, code, body, c.code, c.body)
		}
	}
}

func TestMetricsShowTheFigures(t *testing.T) {
	code, body := get(t, "/metrics", &fake{name: "first", ready: errors.New("no broker"), stats: engine.Stats{
		Events: map[string]int64{"handled": 7, "dead letter": 2}, Lanes: 3, Window: 12, FailedCommits: 5,
	}})
	if code != 200 {
		t.Fatalf("status %d: %s", code, body)
	}
	for _, want := range []string{
		`consumer_events_total{event="handled"} 7`,
		`consumer_events_total{event="dead letter"} 2`,
		"consumer_ready 0", "consumer_partitions 3", "consumer_uncommitted_messages 12", "consumer_commits_failed_total 5", "go_goroutines ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func TestSeveralAreReadyWhenAllAre(t *testing.T) {
	first, second := &fake{name: "first"}, &fake{name: "second"}
	if code, body := get(t, "/readyz", first, second); code != 200 || body != "ok\n" {
		t.Errorf("both are ready: %d %q", code, body)
	}
	second.ready = errors.New("no broker")
	if code, body := get(t, "/readyz", first, second); code != 503 || body != "second: no broker\n" {
		t.Errorf("one is not ready: %d %q", code, body)
	}
	first.live, second.live = errors.New("stuck"), errors.New("stuck too")
	if code, body := get(t, "/livez", first, second); code != 503 || body != "first: stuck\nsecond: stuck too\n" {
		t.Errorf("none lives: %d %q", code, body)
	}
}

func TestMetricsTellSeveralApart(t *testing.T) {
	first := &fake{name: "first", stats: engine.Stats{Lanes: 3}}
	second := &fake{name: "second", ready: errors.New("no broker"), stats: engine.Stats{Lanes: 4}}
	_, body := get(t, "/metrics", first, second)
	for _, want := range []string{
		`consumer_ready{consumer="first"} 1`, `consumer_ready{consumer="second"} 0`,
		`consumer_partitions{consumer="first"} 3`, `consumer_partitions{consumer="second"} 4`,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ServeOn(ctx, listener, slog.New(slog.DiscardHandler), &fake{}) }()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "ok\n" {
		t.Errorf("body %q, %v", body, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v after its context ended", err)
	}
}

func TestServeNamesTheAddressItCannotHave(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	err = Serve(t.Context(), config.Ops{Addr: taken.Addr().String()}, slog.New(slog.DiscardHandler), &fake{})
	if err == nil || !strings.Contains(err.Error(), "OPS_ADDR="+strconv.Quote(taken.Addr().String())) {
		t.Errorf("error is %v", err)
	}
}
