package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// fake is a Consumer that says what it is told to.
type fake struct {
	name        string
	live, ready error
	stats       engine.Stats
	tell        func(engine.Event) // what happened to a message
}

func (f *fake) Name() string        { return f.name }
func (f *fake) Live() error         { return f.live }
func (f *fake) Ready() error        { return f.ready }
func (f *fake) Stats() engine.Stats { return f.stats }

func (f *fake) EachLag(each func(string, int32, int64)) { each("payments", 2, 7) }

func (f *fake) Observe(observe func(engine.Event)) { f.tell = observe }

func newServer(consumers ...Consumer) *Server {
	s := &Server{Metrics: NewMetrics()}
	for _, c := range consumers {
		s.Add(c, []string{"payments"})
	}
	return s
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	s.Metrics = NewMetrics()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// Profiles are served when they are asked for, and else nobody gets them.
func TestProfilesAreBehindASetting(t *testing.T) {
	s := newServer()
	if code, _ := get(t, s, "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("without the setting: %d", code)
	}
	s.Pprof = true
	for path, has := range map[string]string{"/debug/pprof/": "goroutine", "/debug/pprof/heap?debug=1": "heap profile", "/debug/pprof/profile?seconds=1": "", "/debug/pprof/trace?seconds=0.01": ""} {
		if code, body := get(t, s, path); code != http.StatusOK || !strings.Contains(body, has) {
			t.Errorf("%s: %d %.200s", path, code, body)
		}
	}
}

// A check that does not return is called once, however often it is asked, and again when
// it has returned.
func TestACheckThatHangsIsCalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, returns := 0, make(chan error)
		s := newServer()
		s.Checks = []Check{NewCheck("store", func(context.Context) error { calls++; return <-returns })}
		for range 3 {
			if code, body := get(t, s, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "store: did not answer within 2s") {
				t.Error(code, body)
			}
		}
		returns <- nil
		synctest.Wait()
		go func() { returns <- nil }()
		if code, body := get(t, s, "/readyz"); code != http.StatusOK || calls != 2 {
			t.Error(code, body, calls)
		}
	})
}

func TestProbesSayWhy(t *testing.T) {
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
		if code, body := get(t, newServer(c.s), c.path); code != c.code || body != c.body {
			t.Errorf("%s answers %d %q, want %d %q", c.path, code, body, c.code, c.body)
		}
	}
}

// Checks are shown by name, what is wrong first and on one line.
func TestReadyzShowsChecksByName(t *testing.T) {
	s := newServer(&fake{})
	broken := errors.New("failed to connect:\n\tdial tcp: refused")
	s.Checks = []Check{
		{"cache", func(context.Context) error { return nil }},
		{"database", func(context.Context) error { return broken }},
	}
	if code, body := get(t, s, "/readyz"); code != 503 || body != "database: failed to connect: dial tcp: refused\ncache: ok\n" {
		t.Errorf("%d %q", code, body)
	}
	broken = nil
	if code, body := get(t, s, "/readyz"); code != 200 || body != "ok\ncache: ok\ndatabase: ok\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, body := get(t, s, "/livez"); code != 200 || body != "ok\n" {
		t.Errorf("/livez: %d %q", code, body)
	}
}

// While the service starts or stops nothing else is asked: a check may need what
// is not opened yet.
func TestChecksAreNotAskedBeforeTheStart(t *testing.T) {
	s := newServer(&fake{ready: errors.New("no broker")})
	s.SetState(errors.New("start database: no route"))
	s.Checks = []Check{{"database", func(context.Context) error { t.Error("asked"); return nil }}}
	if code, body := get(t, s, "/readyz"); code != 503 || body != "start database: no route\n" {
		t.Errorf("%d %q", code, body)
	}
}

func TestACheckThatDoesNotAnswerIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		held := make(chan struct{})
		defer close(held)
		s.Checks = []Check{{"database", func(context.Context) error { <-held; return nil }}}
		if code, body := get(t, s, "/readyz"); code != 503 || body != "database: did not answer within 2s\n" {
			t.Errorf("%d %q", code, body)
		}
	})
}

func TestACheckThatPanicsIsNotReady(t *testing.T) {
	s := newServer()
	s.Checks = []Check{{"database", func(context.Context) error { panic("no pool") }}}
	if code, body := get(t, s, "/readyz"); code != 503 || body != "database: panic: no pool\n" {
		t.Errorf("%d %q", code, body)
	}
}

func TestMetricsShowTheFigures(t *testing.T) {
	hourAgo := time.Now().Add(-time.Hour)
	code, body := get(t, newServer(&fake{name: "first", ready: errors.New("no broker"), stats: engine.Stats{
		Lanes: 3, Window: 12, FailedCommits: 5, Commits: 9, Assigned: 4, Oldest: map[string]time.Time{"payments": hourAgo},
	}}), "/metrics")
	if code != 200 {
		t.Fatalf("status %d: %s", code, body)
	}
	for _, want := range []string{
		`consumer_lag_messages{partition="2",topic="payments"} 7`, `consumer_oldest_message_age_seconds{topic="payments"} 3600.`,
		"consumer_ready 0", "consumer_partitions 3", "consumer_uncommitted_messages 12", "consumer_commits_failed_total 5", "consumer_commits_total 9", "consumer_partitions_assigned_total 4", "go_goroutines ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

// What failed, why and how slowly is told for each topic, by labels that are known
// beforehand: nothing of a message is in them.
func TestMetricsSayWhichTopicFailsAndWhy(t *testing.T) {
	c := &fake{}
	s := newServer(c)
	for _, class := range []string{"timeout", "other"} {
		if _, body := get(t, s, "/metrics"); !strings.Contains(body, "\n"+`consumer_events_total{class="`+class+`",event="dead-letter",topic="payments"} 0`+"\n") {
			t.Errorf("what has not happened of class %s is not 0:\n%s", class, body)
		}
	}
	m := &message.Message{Topic: "payments", Key: []byte("secret-key"), Header: message.Header{MessageID: "secret-id"}}
	late := &message.Error{Class: message.ClassTimeout, Err: errors.New("secret text")}
	c.tell(engine.Event{Kind: engine.Retrying, Message: m, Err: late, Elapsed: 2 * time.Second})
	c.tell(engine.Event{Kind: engine.Handled, Message: m, Elapsed: 30 * time.Millisecond})
	c.tell(engine.Event{Kind: engine.DeadLetterRefused, Message: m, Err: errors.New("no such topic")})
	c.tell(engine.Event{Kind: engine.DeadLettered, Message: m, Err: message.Fail("secret-class", "no"), Elapsed: time.Minute})
	c.tell(engine.Event{Kind: engine.Ignored, Message: m, Elapsed: time.Microsecond})
	_, body := get(t, s, "/metrics")
	for _, want := range []string{
		`consumer_events_total{class="timeout",event="retrying",topic="payments"} 1`,
		`consumer_events_total{class="",event="handled",topic="payments"} 1`,
		`consumer_events_total{class="handler",event="dead-letter-refused",topic="payments"} 1`,
		`consumer_events_total{class="other",event="dead-letter",topic="payments"} 1`,
		`consumer_events_total{class="",event="ignored",topic="payments"} 1`,
		`consumer_handler_duration_seconds_bucket{topic="payments",le="0.025"} 0`,
		`consumer_handler_duration_seconds_bucket{topic="payments",le="0.05"} 1`,
		`consumer_handler_duration_seconds_count{topic="payments"} 3`,
		`consumer_handler_duration_seconds_sum{topic="payments"} 62.03`,
	} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("metrics lack %q", want)
		}
	}
	if strings.Contains(body, "secret") {
		t.Errorf("metrics show what is in a message or its error:\n%s", body)
	}
}

func TestMetricsSayWhatBecameOfPublishedMessages(t *testing.T) {
	s := newServer()
	handler, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	count := CountPublished(s.Metrics)
	count("a", nil)
	count("a", nil)
	count("b", errors.New("secret"))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`publisher_messages_total{outcome="failed",topic="a"} 0`, `publisher_messages_total{outcome="published",topic="a"} 2`,
		`publisher_messages_total{outcome="failed",topic="b"} 1`, `publisher_messages_total{outcome="published",topic="b"} 0`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+want+"\n") {
			t.Errorf("metrics lack %q", want)
		}
	}
}

// Counting is on the way of each message that succeeds.
func TestCountingAllocatesNothing(t *testing.T) {
	c := &fake{}
	newServer(c)
	m := &message.Message{Topic: "payments"}
	if n := testing.AllocsPerRun(100, func() { c.tell(engine.Event{Kind: engine.Handled, Message: m}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSeveralAreReadyWhenAllAre(t *testing.T) {
	first, second := &fake{name: "first"}, &fake{name: "second"}
	s := newServer(first, second)
	if code, body := get(t, s, "/readyz"); code != 200 || body != "ok\nfirst: ok\nsecond: ok\n" {
		t.Errorf("both are ready: %d %q", code, body)
	}
	second.ready = errors.New("no broker")
	if code, body := get(t, s, "/readyz"); code != 503 || body != "second: no broker\nfirst: ok\n" {
		t.Errorf("one is not ready: %d %q", code, body)
	}
	first.live, second.live = errors.New("stuck"), errors.New("stuck too")
	if code, body := get(t, s, "/livez"); code != 503 || body != "first: stuck\nsecond: stuck too\n" {
		t.Errorf("none lives: %d %q", code, body)
	}
}

func TestMetricsOfSeveralHaveTheirNames(t *testing.T) {
	first := &fake{name: "first", stats: engine.Stats{Lanes: 3}}
	second := &fake{name: "second", ready: errors.New("no broker"), stats: engine.Stats{Lanes: 4}}
	_, body := get(t, newServer(first, second), "/metrics")
	for _, want := range []string{
		`consumer_ready{consumer="first"} 1`, `consumer_ready{consumer="second"} 0`,
		`consumer_partitions{consumer="first"} 3`, `consumer_partitions{consumer="second"} 4`,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

// A collector that takes a name of the service's is an error with that name.
func TestMetricsWithATakenNameAreRefused(t *testing.T) {
	s := newServer(&fake{})
	s.Metrics.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "consumer_ready", Help: "mine"}))
	if _, err := s.Handler(); err == nil || !strings.Contains(err.Error(), "consumer_ready") {
		t.Errorf("error is %v", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- newServer(&fake{}).Serve(ctx, listener, slog.New(slog.DiscardHandler)) }()

	response, err := http.Get("http://" + listener.Addr().String() + "/readyz")
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
