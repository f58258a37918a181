package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/somebody/shop/app/apptest"
	"github.com/somebody/shop/handlers"
	"github.com/somebody/shop/internal/samples"
	"github.com/somebody/shop/internal/service/servicetest"
	"github.com/somebody/shop/store/storetest"
)

func TestWithAFakeStore(t *testing.T) {
	fake := storetest.New()
	s := apptest.StartWith(t, handlers.Deps{Store: fake, Gateway: apptest.AnyGateway{}}, nil)
	ids := sendSamples(t, s)
	awaitMetric(t, s, `consumer_events_total{class="",consumer="test-audit",event="handled",topic="order-accepted"} 2`)
	for _, id := range ids["orders"] {
		if _, ok := fake.Orders()[id]; !ok {
			t.Errorf("message %s is not stored: %v", id, fake.Orders())
		}
	}
	if got := fake.Audited(); len(got) != len(ids["orders"]) || got[0] != "accepted-"+ids["orders"][0] {
		t.Errorf("audited %v", got)
	}
}

// The same with the database of SHOP_DATABASE_URL, if there is one.
func TestWithPostgreSQL(t *testing.T) {
	url := os.Getenv("SHOP_DATABASE_URL")
	if url == "" {
		t.Skip("SHOP_DATABASE_URL is not set")
	}
	s := apptest.StartWith(t, handlers.Deps{Gateway: apptest.AnyGateway{}}, map[string]string{"DATABASE_URL": url})
	sendSamples(t, s)
	awaitMetric(t, s, `consumer_events_total{class="",consumer="test-audit",event="handled",topic="order-accepted"} 2`)
	if code, body := s.Get("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz says %d %s", code, body)
	}
}

// sendSamples sends all samples, checks what becomes of them, and returns the
// ids of those that are handled, by topic.
func sendSamples(t *testing.T, s *servicetest.Service) map[string][]string {
	t.Helper()
	all, err := samples.Load(os.DirFS("../dev/samples"))
	if err != nil {
		t.Fatal(err)
	}
	sent := s.SendSamples(all)
	ids := map[string][]string{}
	for i, sample := range all {
		if err := sample.Check(s.Outcome(sent[i])); err != nil {
			t.Error(err)
		}
		var value struct{ Header struct{ MessageID string } }
		if err := json.Unmarshal(sample.Value, &value); err != nil {
			t.Fatal(err)
		}
		if sample.Expect == "handled" {
			ids[sample.Topic] = append(ids[sample.Topic], value.Header.MessageID)
		}
	}
	return ids
}

// awaitMetric waits for a line of /metrics.
func awaitMetric(t *testing.T, s *servicetest.Service, line string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		_, metrics := s.Get("/metrics")
		if strings.Contains(metrics, line+"\n") {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late:
			t.Fatalf("/metrics lacks %q:\n%s", line, metrics)
		}
	}
}
