package service_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
	"github.com/ouroboros-forge/forge/template/service/internal/service/servicetest"
)

// posted is what came back for what was posted.
type posted struct {
	status     int
	retryAfter string
	MessageID  string
}

func post(url, body string) (p posted, err error) {
	response, err := http.Post(url+"/opened", "application/json", strings.NewReader(body))
	if err != nil {
		return p, err
	}
	defer func() { _ = response.Body.Close() }()
	err = json.NewDecoder(response.Body).Decode(&p)
	p.status, p.retryAfter = response.StatusCode, response.Header.Get("Retry-After")
	return p, err
}

const valid = `{"id": "a-1"}`

// posting is an assembly that publishes what is posted, and handles it.
func posting(_ context.Context, _ none, b *service.Builder) error {
	b.Registry.SetCodec(envelope.JSON{}) // whatever the codec of the service is
	handle(b.Registry, "opened", succeed)
	publisher := b.Publisher
	httpapi.Post(b.API, "/opened", httpapi.EndpointFunc[opened](func(ctx context.Context, r httpapi.Request[opened]) error {
		return publisher.Publish(ctx, r.Body)
	}))
	return nil
}

// What is posted comes to its handler, with the id that was answered.
func TestHTTPPublishesToTheHandler(t *testing.T) {
	s := servicetest.Start(t, posting, nil)
	got, err := post(s.Web, valid)
	if err != nil || got.status != http.StatusAccepted {
		t.Fatalf("%+v %v", got, err)
	}
	awaitMetric(t, s, `consumer_events_total{class="",event="handled",topic="opened"} 1`)
	if got, err := post(s.Web, `{"id": 1}`); err != nil || got.status != http.StatusBadRequest {
		t.Errorf("an invalid body: %+v %v", got, err)
	}
	awaitMetric(t, s, `http_server_request_duration_seconds_count{code="202",method="post",route="/opened"} 1`)
}

func awaitMetric(t *testing.T, s *servicetest.Service, line string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		_, text := s.Get("/metrics")
		if strings.Contains(text, line) {
			return
		}
		select {
		case <-again.C:
		case <-t.Context().Done():
			t.Fatalf("no %s in:\n%s", line, text)
		}
	}
}

// While the broker is down a request is told to come again, in good time.
func TestHTTPAnswers503WhileTheBrokerIsDown(t *testing.T) {
	over := settings("127.0.0.1:1")
	over["HTTP_REQUEST_TIMEOUT"], over["DRAIN_TIMEOUT"] = "300ms", "1s"
	s, stop := start(t, posting, over)
	awaitReady(t, s, http.StatusServiceUnavailable, "")
	began := time.Now()
	got, err := post("http://"+s.HTTPAddr(), `{"id": "a-1"}`)
	if err != nil || got.status != http.StatusServiceUnavailable {
		t.Fatalf("%+v %v", got, err)
	}
	if wait, err := strconv.Atoi(got.retryAfter); err != nil || wait < 1 {
		t.Errorf("Retry-After: %q", got.retryAfter)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the answer took %v, the request had 300 ms", took)
	}
	if code, body := get(s, "/readyz/http"); code != http.StatusServiceUnavailable || !strings.HasPrefix(body, "publisher: no connection to ") || !strings.Contains(body, "127.0.0.1:1") {
		t.Errorf("/readyz/http: %d %s", code, body)
	}
	if err := stop(); err == nil {
		t.Error("an event that was not published is not told at the end")
	}
}
