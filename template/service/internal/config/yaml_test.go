package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// inFile loads a YAML file of the given lines under an environment and a .env,
// from a directory where it is called config.yaml.
func inFile(t *testing.T, environment, dotEnv map[string]string, consumers []string, lines ...string) (Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return load("config.yaml", environment, dotEnv, consumers...)
}

// problemsOf returns the problems that err is made of.
func problemsOf(t *testing.T, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *Error", err)
	}
	return strings.Join(e.Problems, "\n")
}

func TestYAMLHasBothKindsOfNames(t *testing.T) {
	cfg, err := inFile(t, nil, nil, nil,
		"# the cluster",
		"bootstrap.servers: [a:1, b:2]",
		"group.id: 010",
		"session.timeout.ms: 30000",
		"heartbeat.interval.ms: 2s",
		"enable.auto.commit: false",
		"",
		"kafka_max_workers: 10",
		"KAFKA_DRAIN_TIMEOUT: 5s",
		"kafka_client_id:",
		`kafka_group_instance_id: "null"`,
		"log_level: warn",
	)
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Kafka
	if strings.Join(k.Brokers, "|") != "a:1|b:2" || k.GroupID != "010" || k.SessionTimeout != 30*time.Second || k.HeartbeatInterval != 2*time.Second {
		t.Errorf("Kafka's names: %+v", k)
	}
	if k.MaxWorkers != 10 || k.DrainTimeout != 5*time.Second || k.ClientID != "010" || k.InstanceID != "null" || cfg.Log.Level != "warn" {
		t.Errorf("the service's names: %+v", k)
	}
}

func TestEnvironmentOverDotEnvOverYAMLOverDefault(t *testing.T) {
	cfg, err := inFile(t,
		map[string]string{"KAFKA_GROUP_ID": "of the environment", "LOG_LEVEL": ""},
		map[string]string{"KAFKA_GROUP_ID": "of .env", "KAFKA_MAX_WORKERS": "3"}, nil,
		"bootstrap.servers: a:1", "kafka_group_id: of YAML", "kafka_max_workers: 2", "log_level: warn",
	)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Kafka.GroupID != "of the environment" || cfg.Kafka.MaxWorkers != 3 || cfg.Log.Level != "warn" || cfg.Log.Format != "text" {
		t.Errorf("group %q, %d workers, level %s, format %s", cfg.Kafka.GroupID, cfg.Kafka.MaxWorkers, cfg.Log.Level, cfg.Log.Format)
	}
}

func TestTheFlagNamesTheFileBeforeTheEnvironmentBeforeDotEnv(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"flag", "environment", "dotenv"} {
		if err := os.WriteFile(name, []byte("bootstrap.servers: a:1\ngroup.id: "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environment, dotEnv := map[string]string{configFile: "environment"}, map[string]string{configFile: "dotenv"}
	for _, c := range []struct {
		flag                string
		environment, dotEnv map[string]string
		want                string
	}{{"flag", environment, dotEnv, "flag"}, {"", environment, dotEnv, "environment"}, {"", nil, dotEnv, "dotenv"}} {
		cfg, err := load(c.flag, c.environment, c.dotEnv)
		if err != nil || cfg.Kafka.GroupID != c.want || cfg.File != c.want {
			t.Errorf("read %q (%q), want %q: %v", cfg.Kafka.GroupID, cfg.File, c.want, err)
		}
	}
}

func TestEveryProblemOfAFileIsToldAtOnceWithItsLine(t *testing.T) {
	_, err := inFile(t, map[string]string{"KAFKA_ORDERING": "topic"}, map[string]string{"KAFKA_MAX_POLL_RECORDS": "0"}, []string{"audit"},
		"kafka_max_worker: 10",              // 1
		"bootstrap.servers: localhost",      // 2
		"session.timeout.ms: 31",            // 3
		"heartbeat.interval.ms: soon",       // 4
		"group.id: [a, b]",                  // 5
		"kafka_commit_interval: &a 1s",      // 6
		"kafka_drain_timeout: *a",           // 7
		"kafka_retry_delay: !!str 1s",       // 8
		"log_level: warn",                   // 9
		"log_level: info",                   // 10
		"kafka_read_timeout: 20s",           // 11
		"request.timeout.ms: 20000",         // 12
		"config_file: other.yaml",           // 13
		"client.id: {a: b}",                 // 14
		"consumers:",                        // 15
		"  audit:",                          // 16
		"    kafka_max_workers: none",       // 17
		"    log_level: warn",               // 18
		"    sesion.timeout.ms: 1",          // 19
		"  billing: {kafka_max_workers: 1}", // 20
	)
	want := `config.yaml:6: anchors and aliases are not read: write the value out, in quotes if it begins with & or *
config.yaml:7: anchors and aliases are not read: write the value out, in quotes if it begins with & or *
config.yaml:8: tags are not read: write the value alone, in quotes if it begins with !
config.yaml:10: log_level stands in line 9 already
config.yaml:1: kafka_max_worker is no setting; did you mean kafka_max_workers?
config.yaml:5: group.id must be one value
config.yaml:12: request.timeout.ms sets KAFKA_READ_TIMEOUT again, after kafka_read_timeout (config.yaml:11)
config.yaml:13: config_file names the file to read: set it in the environment, in .env or by --config
config.yaml:14: client.id must be one value
config.yaml:18: consumers.audit.log_level is not a consumer's setting, but the whole service's
config.yaml:19: consumers.audit.sesion.timeout.ms is no setting; did you mean session.timeout.ms?
config.yaml:20: consumers.billing: the service has no consumer "billing"; it has audit
config.yaml:4: heartbeat.interval.ms="soon": must be a whole number of milliseconds from 50 to 600000
config.yaml:2: bootstrap.servers="localhost": must be host:port, several separated by commas
KAFKA_GROUP_ID is not set: must be printable, at most 249 bytes (an example of all settings is in .env.example)
KAFKA_ORDERING="topic": must be key, partition or none
.env: KAFKA_MAX_POLL_RECORDS="0": must be a whole number from 1 to 1000000
config.yaml:3: session.timeout.ms="31": must be a whole number of milliseconds from 1000 to 1800000
config.yaml:17: consumers.audit.kafka_max_workers="none": must be a whole number from 1 to 100000`
	if got := problemsOf(t, err); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
}

func TestWhatIsNoSettingsFileIsToldWithoutItsContent(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"kafka_sasl_password: [hunter2", "config.yaml:1: not YAML: did not find expected ',' or ']'"},
		{"a: b\n\tkafka_sasl_password: hunter2", "config.yaml:2: not YAML: found a tab character"},
		{"kafka_sasl_password: *hunter2", "config.yaml: anchors and aliases are not read"},
		{"kafka_sasl_password: &hunter2", "config.yaml:1: anchors and aliases are not read"},
		{"kafka_sasl_password: !hunter2 x", "config.yaml:1: tags are not read"},
		{"kafka_sasl_password: {hunter2: hunter2}", "config.yaml:1: kafka_sasl_password must be one value"},
		{"kafka_sasl_password: [hunter2]", "config.yaml:1: kafka_sasl_password must be one value"},
		{"bootstrap.servers: [[hunter2]]", "config.yaml:1: must be a single value"},
		{"? [hunter2]\n: x", "config.yaml:1: must be a single value"},
		{"- hunter2", "config.yaml:1: settings are names with values"},
		{"hunter2", "config.yaml:1: settings are names with values"},
		{"log_level: info\n---\nhunter2: x", "config.yaml:2: a second YAML document"},
		{"log_level: info\n---\n[hunter2", "not YAML"},
		{"kafka_sasl_password: \"hunter2\xff\"", "config.yaml: not YAML"},
		{"consumers: hunter2", "config.yaml:1: consumers must be names of consumers"},
	} {
		_, err := inFile(t, least(), nil, nil, c.text)
		got := problemsOf(t, err)
		if strings.Contains(got, "\n") || !strings.Contains(got, c.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%q gives %s, want one problem with %q", c.text, got, c.want)
		}
	}
}

func TestAnEmptyFileSaysNothing(t *testing.T) {
	for _, text := range []string{"", "# only this\n", "---\n", "null", "consumers:", "kafka_max_workers:\nlog_level: ~"} {
		if _, err := inFile(t, least(), nil, nil, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAFileThatCannotBeReadIsToldUnderTheNameThatNamesIt(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := load(missing, least(), nil)
	if got := problemsOf(t, err); !strings.HasPrefix(got, `--config="`) || !strings.Contains(got, "no such file") {
		t.Errorf("problems %s", got)
	}
	_, err = load("", least(configFile, missing), nil)
	if got := problemsOf(t, err); !strings.HasPrefix(got, `CONFIG_FILE="`) || !strings.Contains(got, "no such file") {
		t.Errorf("problems %s", got)
	}
}
