package oncall

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// prometheus is one that has the service's settings and rules.
type prometheus struct {
	t   *testing.T
	url string
}

// alert is one as Prometheus has it.
type alert struct {
	Labels, Annotations map[string]string
	State               string
}

// newPrometheus runs a Prometheus with what forge wrote for it, in a hurry: each minute
// of the rules is a second, and so are their limits.
func newPrometheus(t *testing.T, dir, target string) *prometheus {
	t.Helper()
	settings := swap(t, read(t, dir, "prometheus.yml"), `service:8080`, target)
	settings = swap(t, settings, `\b15s\b`, "250ms")
	rules := swap(t, read(t, dir, "rules.yaml"), `> 300\b`, "> 5")
	rules = swap(t, rules, `\b([0-9]+)m\b`, "${1}s")
	data := t.TempDir()
	for name, text := range map[string]string{"prometheus.yml": settings, "rules.yaml": rules} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(data, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(data, "tsdb"),
		"--web.listen-address="+address, "--query.lookback-delta=5s", "--log.level=error")
	run(t, cmd, filepath.Join(data, "log"))
	p := &prometheus{t, "http://" + address}
	await(p.t, "the rules", func() (bool, string) {
		var loaded struct{ Groups []struct{ Rules []any } }
		err := p.get("/api/v1/rules", &loaded)
		return err == nil && len(loaded.Groups) == 1 && len(loaded.Groups[0].Rules) == strings.Count(rules, "alert:"), fmt.Sprint(err, loaded)
	})
	return p
}

// swap puts one text in the place of another, and fails unless that was there: else a
// rule would go on as slowly as it was written.
func swap(t *testing.T, text, old, replacement string) string {
	t.Helper()
	of := regexp.MustCompile(old)
	if !of.MatchString(text) {
		t.Fatalf("there is no %s in:\n%s", old, text)
	}
	return of.ReplaceAllString(text, replacement)
}

func (p *prometheus) get(path string, data any) error {
	response, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(&struct{ Data any }{data})
}

// alerts returns those that fire.
func (p *prometheus) alerts() (firing []alert, err error) {
	var of struct{ Alerts []alert }
	err = p.get("/api/v1/alerts", &of)
	for _, a := range of.Alerts {
		if a.State == "firing" {
			firing = append(firing, a)
		}
	}
	return firing, err
}

// awaitFiring returns the alert once it fires.
func (p *prometheus) awaitFiring(name string) (found alert) {
	p.t.Helper()
	began := time.Now()
	await(p.t, name, func() (bool, string) {
		all, err := p.alerts()
		for _, a := range all {
			if a.Labels["alertname"] == name {
				found = a
				return true, ""
			}
		}
		return false, fmt.Sprintf("there is %v, %v", all, err)
	})
	p.t.Logf("%.1f s until %s: %s", time.Since(began).Seconds(), name, found.Annotations["summary"])
	return found
}

// awaitGone waits until the alert does not fire any more.
func (p *prometheus) awaitGone(name string) {
	p.t.Helper()
	await(p.t, "no "+name, func() (bool, string) {
		all, err := p.alerts()
		for _, a := range all {
			if a.Labels["alertname"] == name {
				return false, fmt.Sprintf("it fires: %v", a)
			}
		}
		return err == nil, fmt.Sprint(err)
	})
}

// isSilent fails if an alert fires while the service is scraped.
func (p *prometheus) isSilent() {
	p.t.Helper()
	await(p.t, "the service to be scraped", func() (bool, string) {
		var of struct{ Result []any }
		err := p.get("/api/v1/query?query="+url.QueryEscape(`sum(consumer_events_total{job="shop",event="handled"}) > 0`), &of)
		return len(of.Result) > 0, fmt.Sprint(err)
	})
	if all, err := p.alerts(); len(all) > 0 || err != nil {
		p.t.Errorf("while all is well: %v, %v", all, err)
	}
}

func needsPrometheus(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("prometheus"); err != nil {
		generated.Missing(t, "no prometheus")
	}
}
