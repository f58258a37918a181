package config

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestYAMLHasBothKindsOfNames(t *testing.T) {
	inDir(t, "config.yaml", strings.Join([]string{
		"# the cluster",
		"bootstrap.servers: [a:1, b:2]",
		"group.id: 010",
		"session.timeout.ms: 30000",
		"heartbeat.interval.ms: 2s",
		"enable.auto.commit: false",
		"",
		"max_workers: 10",
		"DRAIN_TIMEOUT: 5s",
		"kafka_client_id:",
		`kafka_group_instance_id: "null"`,
		"log_level: warn",
	}, "\n"))
	cfg, err := load("config.yaml", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Source
	if strings.Join(k.Brokers, "|") != "a:1|b:2" || k.GroupID != "010" || k.SessionTimeout != 30*time.Second || k.HeartbeatInterval != 2*time.Second {
		t.Errorf("Kafka's names: %+v", k)
	}
	if k.MaxWorkers != 10 || k.DrainTimeout != 5*time.Second || k.ClientID != "010" || k.InstanceID != "null" || cfg.Log.Level != slog.LevelWarn {
		t.Errorf("the service's names: %+v", k)
	}
}

func TestEveryProblemOfAFileIsReportedAtOnceWithItsLine(t *testing.T) {
	inDir(t, "config.yaml", strings.Join([]string{
		"max_worker: 10",               // 1
		"bootstrap.servers: localhost", // 2
		"session.timeout.ms: 31",       // 3
		"heartbeat.interval.ms: soon",  // 4
		"group.id: [a, b]",             // 5
		"commit_interval: &a 1s",       // 6
		"drain_timeout: *a",            // 7
		"retry_delay: !!str 1s",        // 8
		"log_level: warn",              // 9
		"log_level: info",              // 10
		"kafka_read_timeout: 20s",      // 11
		"request.timeout.ms: 20000",    // 12
		"client.id: {a: b}",            // 13
		"sesion.timeout.ms: 1",         // 14
	}, "\n"))
	_, err := load("config.yaml", nil, map[string]string{"ORDERING": "topic"}, nil)
	const oneValue = " must be a value or a list: write a name in full, such as max_workers, and in quotes what begins with !, & or *"
	equal(t, problemsOf(t, err),
		`config.yaml:6: commit_interval`+oneValue,
		`config.yaml:8: retry_delay`+oneValue,
		`config.yaml:13: client.id`+oneValue,
		`config.yaml:1: max_worker is not a setting; the config command lists those that are`,
		`config.yaml:10: log_level and log_level (config.yaml:9) give the same setting: keep one`,
		`config.yaml:12: request.timeout.ms and kafka_read_timeout (config.yaml:11) give the same setting: keep one`,
		`config.yaml:14: sesion.timeout.ms is not a setting; the config command lists those that are`,
		`config.yaml:2: bootstrap.servers="localhost": must be host:port, several separated by commas; a port is 1 to 65535`,
		`environment: ORDERING="topic": must be one of key, partition, none`,
		`config.yaml:3: session.timeout.ms="31ms": must be a duration such as 500ms or 5s, from 1s to 30m`,
		`config.yaml:4: heartbeat.interval.ms="soon": must be a duration such as 500ms or 5s, from 50ms to 10m`,
	)
}

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
