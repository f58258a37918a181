//go:build !jetstream && !rabbitmq

package config

import (
	"cmp"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// least is the smallest set of variables that makes a consumer's Config.
func least(extra ...string) map[string]string {
	m := map[string]string{"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "KAFKA_GROUP_ID": "payments"}
	for i := 0; i < len(extra); i += 2 {
		m[extra[i]] = extra[i+1]
	}
	return m
}

// inDir writes files, given as name and content, into a new working directory.
func inDir(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(files[i], []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// problemsOf returns the problems that err is made of, one a line.
func problemsOf(t *testing.T, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *Error", err)
	}
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.Text)
	}
	return strings.Join(lines, "\n")
}

// equal compares problems line by line.
func equal(t *testing.T, got string, want ...string) {
	t.Helper()
	if got != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestDefaultsMakeAConfig(t *testing.T) {
	cfg, err := FromMap(least(), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := cfg.Source
	if k.AutoOffsetReset != "earliest" || k.AutoCommit || k.MaxWorkers != 16 || k.DrainTimeout != 15*time.Second || k.Ordering != cmp.Or(sourceDefaults["ORDERING"], "key") || cfg.TimestampWithoutZone != "refuse" {
		t.Errorf("defaults are %+v", k)
	}
	if cfg.Service != "payments" || k.ClientID != "payments" {
		t.Errorf("service %q and client id %q, want both to follow the group", cfg.Service, k.ClientID)
	}
}

func TestAProducerNeedsNoGroup(t *testing.T) {
	if _, err := FromMap(map[string]string{"bootstrap.servers": "a:1"}, nil); err != nil {
		t.Error(err)
	}
}

// The order of the sources is over, the environment, the file of the command
// line, .env, the file that CONFIG_FILE names, the default.
func TestTheHigherSourceWins(t *testing.T) {
	inDir(t, ".env", "KAFKA_BOOTSTRAP_SERVERS=a:1\nKAFKA_GROUP_ID=.env\nCONFIG_FILE=named\n",
		"flag", "group.id: flag", "named", "group.id: named\nlog_level: error")
	over, environment := map[string]string{"KAFKA_GROUP_ID": "over"}, map[string]string{"KAFKA_GROUP_ID": "environment"}
	for _, c := range []struct {
		over, environment map[string]string
		file, group, read string
	}{
		{over, environment, "flag", "over", "flag"},
		{nil, environment, "flag", "environment", "flag"},
		{nil, map[string]string{"KAFKA_GROUP_ID": "", "CONFIG_FILE": "missing"}, "flag", "flag", "flag"},
		{nil, nil, "", ".env", "named"},
		{nil, map[string]string{"CONFIG_FILE": "flag"}, "", ".env", "flag"},
	} {
		cfg, err := load(c.file, c.over, c.environment, nil)
		if err != nil || cfg.Source.GroupID != c.group || cfg.File != c.read {
			t.Errorf("%+v: group %q, file %q, %v", c, cfg.Source.GroupID, cfg.File, err)
		}
		if fromNamed := cfg.Log.Level == slog.LevelError; fromNamed != (c.read == "named") {
			t.Errorf("%+v: level %s", c, cfg.Log.Level)
		}
	}
}

func TestAnEmptyValueInTheOverrideMeansTheDefault(t *testing.T) {
	inDir(t, ".env", "KAFKA_BOOTSTRAP_SERVERS=a:1\nKAFKA_SECURITY_PROTOCOL=SASL_SSL\nKAFKA_SASL_USERNAME=u\nKAFKA_SASL_PASSWORD=hunter2\n")
	over := map[string]string{"KAFKA_SECURITY_PROTOCOL": "", "KAFKA_SASL_USERNAME": "", "KAFKA_SASL_PASSWORD": ""}
	cfg, err := load("", over, nil, nil)
	if err != nil || cfg.Source.SASL() || cfg.Source.SASLUsername != "" {
		t.Errorf("%+v, %v", cfg.Source, err)
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	inDir(t, ".env", "RETRY_DELAY=1\n")
	_, err := load("", nil, map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS":  "localhost",
		"MAX_WORKERS":              "many",
		"MAX_POLL_RECORDS":         "0",
		"ORDERING":                 "topic",
		"COMMIT_INTERVAL":          "1",
		"KAFKA_ENABLE_AUTO_COMMIT": "perhaps",
		"LOG_LEVEL":                "loud",
		"OPS_ADDR":                 "8080",
	}, nil)
	equal(t, problemsOf(t, err),
		`environment: KAFKA_BOOTSTRAP_SERVERS="localhost": must be host:port, several separated by commas; a port is 1 to 65535`,
		`environment: KAFKA_ENABLE_AUTO_COMMIT="perhaps": must be false: committing on a timer can skip unhandled messages, and a crash then loses them`,
		`environment: MAX_WORKERS="many": must be a whole number, from 1 to 100000`,
		`environment: ORDERING="topic": must be one of key, partition, none`,
		`environment: MAX_POLL_RECORDS="0": must be a whole number, from 1 to 1000000`,
		`.env:1: RETRY_DELAY="1": must be a duration such as 500ms or 5s, from 1ms to 1h`,
		`environment: COMMIT_INTERVAL="1": must be a duration such as 500ms or 5s, from 10ms to 1m`,
		`environment: OPS_ADDR="8080": must be host:port or :port; a port is 0 to 65535`,
		`environment: LOG_LEVEL="loud": must be one of debug, info, warn, error`,
	)
}

func TestContinueIsUnderstoodAsSkip(t *testing.T) {
	cfg, err := FromMap(least("ERROR_POLICY", "continue"), nil)
	if err != nil || cfg.Source.ErrorPolicy != "skip" {
		t.Errorf("policy %q, %v", cfg.Source.ErrorPolicy, err)
	}
}

func TestLoadReadsTheProcesssEnvironment(t *testing.T) {
	inDir(t, ".env", "KAFKA_BOOTSTRAP_SERVERS=a:1, b:2,\nKAFKA_GROUP_ID=x\nMAX_WORKERS=7 # few\n")
	for _, s := range Settings(new(Config)) {
		t.Setenv(s.Name, "")
	}
	t.Setenv("KAFKA_GROUP_ID", "from the environment")
	cfg, err := Load("", map[string]string{"LOG_LEVEL": "warn"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(cfg.Source.Brokers, "|"); got != "a:1|b:2" || cfg.Source.GroupID != "from the environment" || cfg.Source.MaxWorkers != 7 || cfg.Log.Level != slog.LevelWarn {
		t.Errorf("got brokers %s, group %q, workers %d", got, cfg.Source.GroupID, cfg.Source.MaxWorkers)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	inDir(t, ".env", "KAFKA_SASL_PASSWORD=old")
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(" hunter2 \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sasl := func(extra ...string) map[string]string {
		return least(append(extra, "KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_USERNAME", "u")...)
	}
	cfg, err := load("", nil, sasl("KAFKA_SASL_PASSWORD_FILE", path), nil)
	if err != nil || string(cfg.Source.SASLPassword) != " hunter2 " {
		t.Errorf("a file named by the environment must win over a value in .env: %q, %v", string(cfg.Source.SASLPassword), err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, password, want string }{
		{path, "hunter2", `environment: KAFKA_SASL_PASSWORD_FILE and KAFKA_SASL_PASSWORD (environment) give the same setting: keep one`},
		{path + "-missing", "", `environment: KAFKA_SASL_PASSWORD_FILE="` + path + `-missing": must be a file that can be read: no such file or directory`},
		{empty, "", `environment: KAFKA_SASL_PASSWORD_FILE="` + empty + `": the file is empty`},
		{"hunter2", "", `environment: KAFKA_SASL_PASSWORD_FILE=[redacted]: must be a file that can be read: no such file or directory`},
		{"-----BEGIN PRIVATE KEY-----\nhunter2/hunter2", "", `environment: KAFKA_SASL_PASSWORD_FILE=[redacted]: must be a file that can be read: no such file or directory`},
	} {
		_, err = load("", nil, sasl("KAFKA_SASL_PASSWORD_FILE", c.file, "KAFKA_SASL_PASSWORD", c.password), nil)
		equal(t, problemsOf(t, err), c.want)
	}
}

// What Kubernetes or an editor puts at the end of a value is no part of it.
func TestLineBreaksAtTheEndOfAValueAreCutOff(t *testing.T) {
	inDir(t)
	cfg, err := load("", nil, least("KAFKA_SECURITY_PROTOCOL", "SASL_SSL\n", "KAFKA_SASL_USERNAME", "u\n", "KAFKA_SASL_PASSWORD", "hunter2\r\n"), nil)
	if err != nil || cfg.Source.SASLUsername != "u" || string(cfg.Source.SASLPassword) != "hunter2" {
		t.Errorf("user %q, password %q, %v", cfg.Source.SASLUsername, string(cfg.Source.SASLPassword), err)
	}
	_, err = load("", nil, least("KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_USERNAME", "u", "KAFKA_SASL_PASSWORD", "hunter2 "), nil)
	equal(t, problemsOf(t, err), "environment: KAFKA_SASL_PASSWORD=[redacted]: has a blank at an end: remove it, or put the value in a file and name that in KAFKA_SASL_PASSWORD_FILE")
}

func TestNamesInTheEnvironmentAreThoseOfVariables(t *testing.T) {
	inDir(t)
	cfg, err := load("", nil, least("max_workers", "3", "group.id", "x", "MAX_WORKER", "x", "AUDIT_KAFKA_ZZZ", "x"), nil)
	if err != nil || cfg.Source.MaxWorkers != 16 || cfg.Source.GroupID != "payments" {
		t.Errorf("%+v, %v", cfg.Source, err)
	}
}
