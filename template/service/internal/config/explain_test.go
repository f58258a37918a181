//go:build !jetstream && !rabbitmq

package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// explained returns Explain's lines by the name that each begins with, spaces
// made one.
func explained(t *testing.T, cfg Config) map[string]string {
	t.Helper()
	var b strings.Builder
	if err := cfg.Explain(&b); err != nil {
		t.Fatal(err)
	}
	lines := make(map[string]string)
	for line := range strings.Lines(b.String()) {
		line = strings.Join(strings.Fields(line), " ")
		name, _, _ := strings.Cut(line, "=")
		if lines[name] != "" {
			t.Errorf("%s is there twice", name)
		}
		lines[name] = line
	}
	return lines
}

func TestExplainSaysWhereEachSettingCameFrom(t *testing.T) {
	inDir(t,
		"password", "hunter2\n",
		".env", "KAFKA_GROUP_ID=payments\nKAFKA_SASL_PASSWORD=hunter4\nKAFKA_SASL_USERNAME='a  b'\nLOG_LEVEL=warn\nCONFIG_FILE=x\n",
		"config.yaml", strings.Join([]string{
			"bootstrap.servers: [a:1, b:2]", "security.protocol: SASL_SSL", "", "retry.backoff.ms: 3000",
			"audit_max_workers: 1", "log_format: json", "group.id: other",
		}, "\n"))
	password, err := filepath.Abs("password")
	if err != nil {
		t.Fatal(err)
	}
	var own struct {
		Database string `env:"DATABASE_URL" help:"where accounts are stored"`
		APIKey   string `env:"LEDGER_API_KEY" help:"no Secret, by mistake"`
	}
	cfg, err := load("config.yaml", map[string]string{"OPS_ADDR": ":1"}, map[string]string{
		"KAFKA_SASL_PASSWORD_FILE": password, "LOG_LEVEL": "info", "AUDIT_KAFKA_SASL_PASSWORD": "hunter3", "DATABASE_URL": "postgres://u:hunter5@db/accounts", "LEDGER_API_KEY": "hunter6",
	}, &own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.Consumer("audit"); err != nil {
		t.Fatal(err)
	}
	lines := explained(t, cfg)
	for _, want := range []string{
		`CONFIG_FILE=config.yaml # --config`,
		`OPS_ADDR=:1 # override`,
		`KAFKA_BOOTSTRAP_SERVERS=a:1,b:2 # config.yaml:1`,
		`KAFKA_GROUP_ID=other # config.yaml:7`,
		`LOG_LEVEL=info # environment`,
		`PUBLISH_RETRY_DELAY=3000ms # config.yaml:4`,
		`MAX_WORKERS=16 # default`,
		`KAFKA_CLIENT_ID=other # default`,
		`KAFKA_SASL_PASSWORD=[redacted] # ` + password + ` (KAFKA_SASL_PASSWORD_FILE, environment)`,
		`KAFKA_SSL_CA= # default`,
		`DATABASE_URL=postgres://[redacted]@db/accounts # environment`,
		`LEDGER_API_KEY=[redacted] # environment`,
		`AUDIT_MAX_WORKERS=1 # config.yaml:5`,
		`AUDIT_KAFKA_GROUP_ID=other-audit # default`,
		`AUDIT_KAFKA_SASL_PASSWORD=[redacted] # environment`,
	} {
		name, _, _ := strings.Cut(want, "=")
		if lines[name] != want {
			t.Errorf("got  %s\nwant %s", lines[name], want)
		}
		delete(lines, name)
	}
	for _, s := range Settings(new(Config)) {
		delete(lines, s.Name)
	}
	for _, line := range lines {
		t.Errorf("audit has this from the service: %s", line)
	}
}

func TestExplainHasEverySettingAndNoSecret(t *testing.T) {
	cert, key := keyPair(t)
	cfg, err := FromMap(map[string]string{
		"bootstrap.servers": "a:1", "group.id": "payments", "security.protocol": "SASL_SSL",
		"sasl.username": "u", "sasl.password": "hunter2", "ssl.certificate.pem": cert, "ssl.key.pem": key,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := explained(t, cfg)
	for _, s := range Settings(new(Config)) {
		line := lines[s.Name]
		if line == "" {
			t.Errorf("%s is missing", s.Name)
		}
		if strings.Contains(line, "hunter2") || strings.Contains(line, "BEGIN") {
			t.Errorf("a secret is shown: %s", line)
		}
	}
}

func TestExplainQuotesWhatCannotBeSeen(t *testing.T) {
	var own struct {
		Text string `env:"TEXT"`
	}
	cfg, err := FromMap(map[string]string{"bootstrap.servers": "a:1", "text": "a\nb "}, &own)
	if got := explained(t, cfg)["TEXT"]; err != nil || got != `TEXT="a\nb " # map` {
		t.Errorf("got %s, %v", got, err)
	}
	if shown := fmt.Sprintf("%v %+v", cfg, cfg); strings.Contains(shown, "a\nb") {
		t.Errorf("a Config shows what Load has read: %s", shown)
	}
}
