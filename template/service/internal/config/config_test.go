package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// least is the smallest set of variables that makes a Config.
func least(extra ...string) map[string]string {
	m := map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "KAFKA_GROUP_ID": "payments"}
	for i := 0; i < len(extra); i += 2 {
		m[extra[i]] = extra[i+1]
	}
	return m
}

// refused returns the problems of the given variables.
func refused(t *testing.T, file, environment map[string]string) []string {
	t.Helper()
	_, err := load("", environment, file)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *Error", err)
	}
	return e.Problems
}

func TestDefaultsMakeAConfig(t *testing.T) {
	cfg, err := FromMap(least())
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Kafka
	if k.AutoOffsetReset != "earliest" || k.AutoCommit || k.MaxWorkers != 16 || k.DrainTimeout != 15*time.Second || k.Ordering != "key" {
		t.Errorf("defaults are %+v", k.MaxWorkers)
	}
	if cfg.Service != "payments" || k.ClientID != "payments" {
		t.Errorf("service %q and client id %q, want both to follow the group", cfg.Service, k.ClientID)
	}
}

func TestEnvironmentOverFileOverDefault(t *testing.T) {
	file := least("KAFKA_MAX_WORKERS", "3", "LOG_LEVEL", "warn", "KAFKA_GROUP_ID", "of the file")
	cfg, err := load("", map[string]string{"KAFKA_MAX_WORKERS": "4", "KAFKA_GROUP_ID": ""}, file)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Kafka.MaxWorkers != 4 {
		t.Errorf("MaxWorkers is %d, want the environment's 4", cfg.Kafka.MaxWorkers)
	}
	if cfg.Log.Level != "warn" {
		t.Errorf("level is %q, want the file's", cfg.Log.Level)
	}
	if cfg.Kafka.GroupID != "of the file" {
		t.Errorf("group is %q: an empty variable must count as none", cfg.Kafka.GroupID)
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	got := refused(t, nil, map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS":  "localhost",
		"KAFKA_MAX_WORKERS":        "many",
		"KAFKA_MAX_POLL_RECORDS":   "0",
		"KAFKA_ORDERING":           "topic",
		"KAFKA_COMMIT_INTERVAL":    "1",
		"KAFKA_RETRY_PLAIN_ERRORS": "perhaps",
		"LOG_LEVEL":                "loud",
		"OPS_ADDR":                 "8080",
	})
	want := []string{
		`KAFKA_MAX_WORKERS="many": must be a whole number from 1 to 100000`,
		`KAFKA_RETRY_PLAIN_ERRORS="perhaps": must be true or false`,
		`KAFKA_COMMIT_INTERVAL="1": must be a duration from 10ms to 1m, such as 500ms or 5s`,
		`KAFKA_BOOTSTRAP_SERVERS="localhost": must be host:port, several separated by commas`,
		`KAFKA_GROUP_ID is not set: must be printable, at most 249 bytes (an example of all settings is in .env.example)`,
		`KAFKA_ORDERING="topic": must be key, partition or none`,
		`KAFKA_MAX_POLL_RECORDS="0": must be a whole number from 1 to 1000000`,
		`OPS_ADDR="8080": must be host:port or :port`,
		`LOG_LEVEL="loud": must be debug, info, warn or error`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOneRefusedValue(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"KAFKA_ENABLE_AUTO_COMMIT", "true", "a crash then loses them"},
		{"KAFKA_ENABLE_AUTO_COMMIT", "on", "must be false"},
		{"KAFKA_AUTO_OFFSET_RESET", "none", "must be earliest or latest"},
		{"KAFKA_BOOTSTRAP_SERVERS", "PLAINTEXT://a:9092", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", "a:9092,:9092", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", "a:0", "must be host:port"},
		{"KAFKA_BOOTSTRAP_SERVERS", ",", "is not set"},
		{"KAFKA_GROUP_ID", "two\nlines", "printable"},
		{"KAFKA_GROUP_ID", "  ", "printable"},
		{"KAFKA_GROUP_INSTANCE_ID", "one/two", "letters, digits"},
		{"KAFKA_MAX_POLL_BYTES", "8MiB", "a whole number from 1024"},
		{"KAFKA_DRAIN_TIMEOUT", "30s", "must be less than KAFKA_READ_TIMEOUT (30s)"},
		{"KAFKA_REBALANCE_TIMEOUT", "50s", "must be more than KAFKA_DRAIN_TIMEOUT (15s) + KAFKA_READ_TIMEOUT (30s) + 5s"},
		{"KAFKA_SESSION_TIMEOUT", "8s", "at most a third of KAFKA_SESSION_TIMEOUT (8s)"},
		{"KAFKA_RETRY_DELAY", "11s", "at most KAFKA_RETRY_MAX_DELAY (10s)"},
		{"KAFKA_STUCK_AFTER", "30s", "more than KAFKA_HANDLER_TIMEOUT (30s), or 0s"},
		{"KAFKA_SECURITY_PROTOCOL", "TLS", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"},
		{"KAFKA_SASL_USERNAME", "u", "is not used with KAFKA_SECURITY_PROTOCOL=PLAINTEXT"},
		{"KAFKA_SSL_CA", "no PEM", "must be certificates in PEM"},
	} {
		got := refused(t, nil, least(c.name, c.value))
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s=%q gives %q, want one problem with %q", c.name, c.value, got, c.want)
		}
	}
}

func TestTypingErrorsAreProblemsInTheFileOnly(t *testing.T) {
	typo := least("KAFKA_MAX_WORKER", "4", "KAFKA_SASL_PASWORD_FILE", "x", "KAFKA_ZZZZZ", "1", "DATABASE_URL", "x", "KAFKA_IMAGE", "x",
		"OPS_ADR", "x", "LOG_LEVL", "debug", "LOG_SAMPLES", "1", "SERVICE_URL", "x")
	got := refused(t, typo, nil)
	want := []string{
		".env: KAFKA_MAX_WORKER is no setting; did you mean KAFKA_MAX_WORKERS?",
		".env: KAFKA_SASL_PASWORD_FILE is no setting; did you mean KAFKA_SASL_PASSWORD_FILE?",
		".env: KAFKA_ZZZZZ is no setting",
		".env: LOG_LEVL is no setting; did you mean LOG_LEVEL?",
		".env: OPS_ADR is no setting; did you mean OPS_ADDR?",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("problems %q, want %q", got, want)
	}
	if _, err := load("", typo, nil); err != nil {
		t.Errorf("the same names in the environment are refused: %v", err)
	}
}

func TestLoadReadsDotEnv(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, s := range Settings() {
		t.Setenv(s.Name, "")
	}
	t.Setenv("KAFKA_GROUP_ID", "from the environment")
	if err := os.WriteFile(DotEnv, []byte("KAFKA_BOOTSTRAP_SERVERS=a:1, b:2,\nKAFKA_GROUP_ID=x\nKAFKA_MAX_WORKERS=7 # few\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(cfg.Kafka.Brokers, "|"); got != "a:1|b:2" || cfg.Kafka.GroupID != "from the environment" || cfg.Kafka.MaxWorkers != 7 {
		t.Errorf("got brokers %s, group %q, workers %d", got, cfg.Kafka.GroupID, cfg.Kafka.MaxWorkers)
	}
}

func TestLoadTellsAnUnreadableDotEnvWithoutItsContent(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(DotEnv, []byte("BAD-NAME=1\nKAFKA_SASL_PASSWORD=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load("")
	if err == nil || !strings.Contains(err.Error(), ".env is not made of NAME=value lines") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error is %v", err)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sasl := func(extra ...string) map[string]string {
		return least(append(extra, "KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_USERNAME", "u")...)
	}
	cfg, err := FromMap(sasl("KAFKA_SASL_PASSWORD_FILE", path))
	if err != nil || string(cfg.Kafka.SASLPassword) != "hunter2" {
		t.Errorf("password from a file: %q, %v", string(cfg.Kafka.SASLPassword), err)
	}
	cfg, err = load("", map[string]string{"KAFKA_SASL_PASSWORD_FILE": path}, sasl("KAFKA_SASL_PASSWORD", "old"))
	if err != nil || string(cfg.Kafka.SASLPassword) != "hunter2" {
		t.Errorf("a file named by the environment must win over a value in .env: %q, %v", string(cfg.Kafka.SASLPassword), err)
	}
	got := refused(t, nil, sasl("KAFKA_SASL_PASSWORD_FILE", path, "KAFKA_SASL_PASSWORD", "hunter2"))
	if len(got) != 1 || !strings.Contains(got[0], "set one of the two") || strings.Contains(got[0], "hunter2") {
		t.Errorf("both set: %q", got)
	}
	got = refused(t, nil, sasl("KAFKA_SASL_PASSWORD_FILE", path+"-missing"))
	if len(got) != 1 || !strings.Contains(got[0], "no such file") {
		t.Errorf("missing file: %q", got)
	}
}
