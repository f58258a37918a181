package ops

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

var (
	metricName = regexp.MustCompile(`\b(?:consumer|publisher|http|go|process)_[a-z_]+`)
	ofOneKind  = regexp.MustCompile(`_(?:bucket|sum|count)$`) // of a histogram
	eventLabel = regexp.MustCompile(`\bevent=\\?"([^"\\]+)`)
	inDesc     = regexp.MustCompile(`fqName: "([^"]+)"`)
)

// TestAlertsAndDashboardAskForWhatIsThere proves that each metric they name is one of
// the service's: a name that is misspelt is no error for Prometheus, and never fires.
func TestAlertsAndDashboardAskForWhatIsThere(t *testing.T) {
	there, kinds := declared(t), make(map[string]bool)
	for kind := engine.Handled; kind <= engine.Ignored; kind++ {
		kinds[kind.String()] = true
	}
	for _, path := range []string{"../../deploy/monitoring/rules.yaml", "../../deploy/monitoring/rules_test.yaml", "../../deploy/monitoring/dashboard.json"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names := metricName.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric", path)
		}
		for _, name := range names {
			if !there[name] && !there[ofOneKind.ReplaceAllString(name, "")] {
				t.Errorf("%s: the service has no %s", path, name)
			}
		}
		for _, m := range eventLabel.FindAllStringSubmatch(string(text), -1) {
			if !kinds[m[1]] {
				t.Errorf("%s: there is no event %s", path, m[1])
			}
		}
	}
}

// declared are the names of the metrics that the service has.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	s := newServer(&fake{stats: engine.Stats{Oldest: map[string]time.Time{"payments": time.Now()}}})
	CountPublished(s.Metrics)
	if _, err := s.Handler(); err != nil {
		t.Fatal(err)
	}
	all := make(chan *prometheus.Desc)
	go func() { s.Metrics.Describe(all); close(all) }()
	names := make(map[string]bool)
	for desc := range all {
		names[inDesc.FindStringSubmatch(desc.String())[1]] = true
	}
	return names
}
