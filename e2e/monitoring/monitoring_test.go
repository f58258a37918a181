// Package monitoring has the alerts and the dashboard of --with monitoring read by
// promtool, which Prometheus brings.
package monitoring

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// service writes the files of a service with the extra, and returns its directory.
func service(t *testing.T) string {
	t.Helper()
	a := answers.Defaults("1st.service_X")
	a.With = []string{answers.Docker, answers.Monitoring}
	tree, err := render.Render(template.FS, a, "v0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range tree.Files {
		if !strings.HasPrefix(f.Path, "deploy/") && f.Path != "docs/runbook.md" {
			continue
		}
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// promtool runs it in dir, and fails if it fails.
func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		generated.Missing(t, "no promtool")
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func read(t *testing.T, path string, parse func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := parse(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestAlertsFireAndAreSilent runs the tests that the service has for its alerts.
func TestAlertsFireAndAreSilent(t *testing.T) {
	dir := filepath.Join(service(t), "deploy", "monitoring")
	promtool(t, dir, "check", "config", "prometheus.yml")
	promtool(t, dir, "test", "rules", "rules_test.yaml")
}

// ruleFile is a file of rules, as far as the tests look at it.
type ruleFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

type rule struct {
	Alert       string            `yaml:"alert,omitempty"`
	Record      string            `yaml:"record,omitempty"`
	Expr        string            `yaml:"expr"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// TestWhoGetsAnAlertKnowsWhatToDo proves that each alert says how bad it is and of what
// it speaks, that the runbook has it, and that both its tests are there.
func TestWhoGetsAnAlertKnowsWhatToDo(t *testing.T) {
	dir := service(t)
	var file ruleFile
	read(t, filepath.Join(dir, "deploy/monitoring/rules.yaml"), yaml.Unmarshal, &file)
	var tests struct {
		Tests []struct {
			Cases []struct {
				Alert string `yaml:"alertname"`
				Fires []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	read(t, filepath.Join(dir, "deploy/monitoring/rules_test.yaml"), yaml.Unmarshal, &tests)
	fires, silent := make(map[string]bool), make(map[string]bool)
	for _, test := range tests.Tests {
		for _, c := range test.Cases {
			fires[c.Alert] = fires[c.Alert] || len(c.Fires) > 0
			silent[c.Alert] = silent[c.Alert] || len(c.Fires) == 0
		}
	}
	runbook, err := os.ReadFile(filepath.Join(dir, "docs/runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) != 7 {
		t.Fatalf("seven rules are expected: %+v", file)
	}
	for _, r := range file.Groups[0].Rules {
		if r.Labels["severity"] == "" || !strings.Contains(r.Annotations["summary"], "{{ $labels.") {
			t.Errorf("%s: severity %q, summary %q", r.Alert, r.Labels["severity"], r.Annotations["summary"])
		}
		if r.Annotations["runbook"] != "docs/runbook.md#"+strings.ToLower(r.Alert) || !strings.Contains(string(runbook), "\n## "+r.Alert+"\n") {
			t.Errorf("%s: the runbook does not have %q", r.Alert, r.Annotations["runbook"])
		}
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: fires in a test %v, is silent in one %v", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}

// TestDashboardAsksWhatPrometheusUnderstands proves it of each panel, with rules that
// have the panels' expressions.
func TestDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	dir := service(t)
	var dashboard struct {
		Title  string `json:"title"`
		Panels []struct {
			Type       string            `json:"type"`
			Title      string            `json:"title"`
			Datasource map[string]string `json:"datasource"`
			Targets    []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	read(t, filepath.Join(dir, "deploy/monitoring/dashboard.json"), json.Unmarshal, &dashboard)
	var rules []rule
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && (len(panel.Targets) == 0 || panel.Datasource["uid"] != "${datasource}") {
			t.Errorf("%s asks %v of %v", panel.Title, panel.Targets, panel.Datasource)
		}
		for _, target := range panel.Targets {
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			rules = append(rules, rule{Record: "panel", Expr: expr, Labels: map[string]string{"panel": panel.Title + target.Expr}})
		}
	}
	if dashboard.Title != "1st.service_X" || len(rules) < 10 {
		t.Errorf("%q has %d expressions", dashboard.Title, len(rules))
	}
	text, err := yaml.Marshal(ruleFile{[]group{{"dashboard", rules}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "panels.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, "check", "rules", "panels.yaml")
}

// TestComposeMountsWhatIsThere proves that it is YAML, and that what it gives to
// Prometheus and Grafana is in the service.
func TestComposeMountsWhatIsThere(t *testing.T) {
	dir := service(t)
	var compose struct {
		Services map[string]struct {
			Volumes []string `yaml:"volumes"`
		} `yaml:"services"`
		Configs map[string]struct {
			Content string `yaml:"content"`
		} `yaml:"configs"`
	}
	read(t, filepath.Join(dir, "deploy/monitoring/compose.yaml"), yaml.Unmarshal, &compose)
	for name, s := range compose.Services {
		if len(s.Volumes) == 0 {
			t.Errorf("%s gets no file", name)
		}
		for _, volume := range s.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(filepath.Join(dir, from)); err != nil {
				t.Error(err)
			}
		}
	}
	for name, c := range compose.Configs {
		var provisioned map[string]any
		if err := yaml.Unmarshal([]byte(c.Content), &provisioned); err != nil || provisioned["apiVersion"] != 1 {
			t.Errorf("%s is %v: %v", name, provisioned, err)
		}
	}
}
