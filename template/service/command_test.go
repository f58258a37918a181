package main

import (
	"os"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// say runs a command line in an empty directory with no settings but those
// given, and returns its exit code and what it wrote.
func say(t *testing.T, settings map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, s := range config.Settings() {
		t.Setenv(s.Name, settings[s.Name])
	}
	if err := os.WriteFile("settings.yaml", []byte("group.id: from-yaml\nbootstrap.servers: a:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems strings.Builder
	code = command(t.Context(), args, &out, &problems)
	return code, out.String(), problems.String()
}

func TestConfigPrintsSettingsAndTheirSources(t *testing.T) {
	for _, args := range [][]string{
		{"--config", "settings.yaml", "config"}, {"config", "--config", "settings.yaml"}, {"-config=settings.yaml", "config"},
	} {
		code, stdout, stderr := say(t, map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "b:1"}, args...)
		if code != 0 || stderr != "" {
			t.Errorf("%q: code %d, %s", args, code, stderr)
		}
		text := strings.Join(strings.Fields(stdout), " ")
		for _, want := range []string{"KAFKA_GROUP_ID=from-yaml # settings.yaml:1 ", "KAFKA_BOOTSTRAP_SERVERS=b:1 # environment, over settings.yaml:2 "} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: %q is missing in\n%s", args, want, stdout)
			}
		}
	}
}

func TestHelpIsAnAnswer(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"-h"}, {"config", "--help"}} {
		code, stdout, stderr := say(t, nil, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "\n  config ") || !strings.Contains(stdout, "\n  --config FILE ") {
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestWrongUsageIsOneErrorAndCode2(t *testing.T) {
	for want, args := range map[string][]string{
		`no command "confg"`:            {"confg"},
		`no command ""`:                 {""},
		"not defined: -confg":           {"--confg", "x"},
		"needs an argument: -config":    {"--config"},
		"the name of a file is missing": {"--config="},
		`config has no argument "x"`:    {"config", "x"},
		"not defined: -v":               {"config", "-v"},
	} {
		code, stdout, stderr := say(t, nil, args...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestRefusedSettingsAreCode1(t *testing.T) {
	for _, args := range [][]string{nil, {"config"}, {"--config", "missing.yaml"}} {
		code, stdout, stderr := say(t, map[string]string{"KAFKA_MAX_WORKERS": "none"}, args...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, `KAFKA_MAX_WORKERS="none"`) {
			t.Errorf("%q: code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}
