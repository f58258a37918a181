package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// status is the shape that the documents have.
type status struct {
	Service   string           `json:"service"`
	Version   string           `json:"version"`
	State     string           `json:"state"`
	Ready     bool             `json:"ready"`
	Checks    []checkStatus    `json:"checks"`
	Consumers []consumerStatus `json:"consumers"`
	Settings  []config.Shown   `json:"settings"`
}

type checkStatus struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

type consumerStatus struct {
	Group        string                      `json:"group"`
	Topics       []string                    `json:"topics"`
	NotReady     string                      `json:"notReady"`
	NotLive      string                      `json:"notLive"`
	PausedTopics []string                    `json:"pausedTopics"`
	Errors       []failure                   `json:"errors"`
	Figures      map[string][]map[string]any `json:"figures"`
}

// statusOf returns what /status answers.
func statusOf(t *testing.T, s *Server) (now status) {
	t.Helper()
	code, body := get(t, s, "/status")
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&now); code != 200 || err != nil {
		t.Fatalf("%d %v: %s", code, err, body)
	}
	return now
}

// TestStatusHasTheDocumentedShape: who shows it needs no more than this, and nothing is
// null.
func TestStatusHasTheDocumentedShape(t *testing.T) {
	c := &fake{name: "accounting", ready: errors.New("dead-lettering is paused"), stats: engine.Stats{
		Records: 4, Paused: 1, PausedTopics: []string{"payments"}, Oldest: map[string]time.Time{"payments": time.Now().Add(-time.Hour)},
	}}
	s := newServer(c)
	s.Service, s.Version, s.Settings = "books", "v1.2.3", []config.Shown{{Name: "LOG_LEVEL", Value: "warn", Source: ".env:3"}}
	s.Checks = []Check{{"cache", func(context.Context) error { return nil }}, {"database", func(context.Context) error { return errors.New("refused") }}}
	m := &message.Message{Topic: "payments", Partition: 2, Offset: 17}
	c.tell(engine.Event{Kind: engine.DeadLettered, Message: m, Err: message.Fail(message.ClassInvalid, "amount: must be positive")})
	c.tell(engine.Event{Kind: engine.Handled, Message: m})
	now := statusOf(t, s)
	want := status{Service: "books", Version: "v1.2.3", State: "running", Settings: s.Settings, Checks: []checkStatus{{"cache", ""}, {"database", "refused"}}}
	consumers := now.Consumers
	if now.Consumers = nil; !reflect.DeepEqual(now, want) {
		t.Errorf("got %+v, want %+v", now, want)
	}
	figures := consumers[0].Figures
	for name, want := range map[string]string{
		"consumer_lag_messages":       "[map[partition:2 topic:payments value:7]]",
		"consumer_messages_in_flight": "[map[value:4]]", "consumer_partitions_paused": "[map[value:1]]",
		"consumer_events_total": "[map[class: event:handled topic:payments value:1] map[class:invalid event:dead-letter topic:payments value:1]]",
	} {
		if got := fmt.Sprint(figures[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if age := figures["consumer_oldest_message_age_seconds"]; len(age) != 1 || age[0]["value"].(float64) < 3600 {
		t.Errorf("the oldest message's age is %v", age)
	}
	failures := consumers[0].Errors
	if len(failures) != 1 || time.Since(failures[0].Time) > time.Minute {
		t.Fatalf("the errors are %+v", failures)
	}
	failures[0].Time = time.Time{}
	wanted := consumerStatus{
		Group: "accounting", Topics: []string{"payments"}, NotReady: "dead-lettering is paused", PausedTopics: []string{"payments"},
		Errors: []failure{{time.Time{}, "payments", 2, 17, "dead-letter", message.ClassInvalid, "amount: must be positive"}}, Figures: figures,
	}
	if !reflect.DeepEqual(consumers[0], wanted) {
		t.Errorf("the consumer is %+v, want %+v", consumers[0], wanted)
	}
	if _, body := get(t, newServer(&fake{}), "/status"); strings.Contains(strings.Replace(body, `"settings":null`, "", 1), "null") {
		t.Errorf("it is null what is empty:\n%s", body)
	}
}

// TestStatusIsReadyWhenReadyzIs: with a reason where it is not.
func TestStatusIsReadyWhenReadyzIs(t *testing.T) {
	healthy := Check{"database", func(context.Context) error { return nil }}
	for name, s := range map[string]*Server{
		"all is well": newServer(&fake{}), "no consumer": newServer(&fake{ready: errors.New("no broker")}), "starting": newServer(&fake{}), "a check": newServer(&fake{}),
	} {
		s.Checks = []Check{healthy}
		switch name {
		case "starting":
			s.SetState(errors.New("start database: no route"))
			s.Checks = []Check{{"database", func(context.Context) error { t.Error("asked"); return nil }}}
		case "a check":
			s.Checks = append(s.Checks, Check{"cache", func(context.Context) error { return errors.New("no route") }})
		}
		now := statusOf(t, s)
		if code, _ := get(t, s, "/readyz"); now.Ready != (code == 200) {
			t.Errorf("%s: ready is %v, /readyz answers %d", name, now.Ready, code)
		}
		if isStarting := name == "starting"; isStarting != (now.State == "start database: no route") || isStarting == (now.State == "running") || isStarting != (len(now.Checks) == 0) {
			t.Errorf("%s: %+v", name, now)
		}
	}
}

// TestErrorsInStatusAreBoundedAndOnOneLine: their number, and the text of each.
func TestErrorsInStatusAreBoundedAndOnOneLine(t *testing.T) {
	c := &fake{}
	s := newServer(c)
	fail := func(offset int64, text string) {
		m := &message.Message{Topic: "payments", Offset: offset, Key: []byte("the key"), Value: []byte("the body")}
		c.tell(engine.Event{Kind: engine.Retrying, Message: m, Err: errors.New(text)})
	}
	for offset := range int64(mostFailures + 5) {
		fail(offset, "first")
	}
	for range 3 {
		fail(99, "again")
	}
	fail(100, "dial postgres://u:hunter2@db/accounts:\n\t"+strings.Repeat("x", 5000))
	_, body := get(t, s, "/status")
	for _, never := range []string{"hunter2", "the key", "the body"} {
		if strings.Contains(body, never) {
			t.Errorf("%q is in %s", never, body)
		}
	}
	failures := statusOf(t, s).Consumers[0].Errors
	if len(failures) != mostFailures || failures[0].Offset != 100 || failures[1].Offset != 99 || failures[2].Offset != mostFailures+4 {
		t.Errorf("they are %+v", failures)
	}
	if text := failures[0].Error; len(text) > 1<<10 || !strings.HasPrefix(text, "dial postgres://[redacted]@db/accounts: xxx") || !strings.HasSuffix(text, "x…") {
		t.Errorf("the error is %q", text)
	}
}
