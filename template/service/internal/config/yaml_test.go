//go:build !jetstream && !rabbitmq

package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsNoSettingsFileIsReportedWithoutItsContent(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"kafka_sasl_password: [hunter2", "config.yaml: not YAML: line 1: did not find expected ',' or ']'"},
		{"a: b\n\tkafka_sasl_password: hunter2", "config.yaml: not YAML: line 2: found a tab character"},
		{"kafka_sasl_password: *hunter2", "config.yaml: not YAML: a value that begins with * must be in quotes"},
		{"kafka_sasl_password: &hunter2", "config.yaml:1: kafka_sasl_password must be a value or a list"},
		{"kafka_sasl_password: !hunter2 x", "config.yaml:1: kafka_sasl_password must be a value or a list"},
		{"kafka_sasl_password: {hunter2: hunter2}", "config.yaml:1: kafka_sasl_password must be a value or a list"},
		{"bootstrap.servers: [[hunter2]]", "config.yaml:1: bootstrap.servers must be a value or a list"},
		{"? [hunter2]\n: x", "config.yaml:1:  is not a setting; the config command lists those that are"},
		{"- hunter2", "config.yaml:1: settings are names with values"},
		{"hunter2", "config.yaml:1: settings are names with values"},
		{"kafka_sasl_password: \"hunter2\xff\"", "config.yaml: not YAML"},
		{"<<: {log_level: info}", "config.yaml:1: << must be a value or a list"},
	} {
		inDir(t, "config.yaml", c.text)
		_, err := load("config.yaml", nil, least(), nil)
		got := problemsOf(t, err)
		if strings.Contains(got, "\n") || !strings.Contains(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%q gives %s, want one problem with %q", c.text, got, c.want)
		}
	}
}

func TestAnEmptyFileSaysNothing(t *testing.T) {
	for _, text := range []string{"", "# only this\n", "---\n", "null", "max_workers:\nlog_level: ~"} {
		inDir(t, "config.yaml", text)
		if _, err := load("config.yaml", nil, least(), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAFileThatCannotBeReadIsReportedUnderWhatNamesIt(t *testing.T) {
	inDir(t)
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := load(missing, nil, least(), nil)
	equal(t, problemsOf(t, err), `--config: CONFIG_FILE="`+missing+`": must be a file that can be read: no such file or directory`)
	_, err = load("", nil, least(configFile, missing), nil)
	equal(t, problemsOf(t, err), `environment: CONFIG_FILE="`+missing+`": must be a file that can be read: no such file or directory`)
}
