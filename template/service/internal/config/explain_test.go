package config

import (
	"os"
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

func TestExplainTellsWhereEachSettingCameFrom(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := inFile(t,
		map[string]string{"KAFKA_SASL_PASSWORD_FILE": password, "LOG_LEVEL": "info", "AUDIT_KAFKA_SASL_PASSWORD": "hunter3"},
		map[string]string{"KAFKA_GROUP_ID": "payments", "KAFKA_SASL_PASSWORD": "hunter4", "KAFKA_SASL_USERNAME": "a\nb", "LOG_LEVEL": "warn", configFile: "x"}, []string{"audit"},
		"bootstrap.servers: [a:1, b:2]", "security.protocol: SASL_SSL", "", "session.timeout.ms: 30000",
		"consumers:", "  audit:", "    kafka_max_workers: 1",
		"log_level: error", "group.id: other",
	)
	if err != nil {
		t.Fatal(err)
	}
	lines := explained(t, cfg)
	for _, want := range []string{
		`CONFIG_FILE=config.yaml # --config, over .env`,
		`KAFKA_BOOTSTRAP_SERVERS=a:1,b:2 # config.yaml:1`,
		`KAFKA_GROUP_ID=payments # .env, over config.yaml:9`,
		`LOG_LEVEL=info # environment, over .env`,
		`KAFKA_SESSION_TIMEOUT=30s # config.yaml:4`,
		`KAFKA_MAX_WORKERS=16 # default`,
		`KAFKA_CLIENT_ID=payments # default`,
		`KAFKA_SASL_PASSWORD=[redacted] # ` + password + ` (KAFKA_SASL_PASSWORD_FILE, environment), over .env`,
		`KAFKA_SASL_USERNAME="a\nb" # .env`,
		`KAFKA_SSL_CA= # default`,
		`AUDIT_KAFKA_MAX_WORKERS=1 # config.yaml:7`,
		`AUDIT_KAFKA_GROUP_ID=payments-audit # default`,
		`AUDIT_KAFKA_SASL_PASSWORD=[redacted] # environment`,
	} {
		name, _, _ := strings.Cut(want, "=")
		if lines[name] != want {
			t.Errorf("got  %s\nwant %s", lines[name], want)
		}
		delete(lines, name)
	}
	for _, s := range Settings() {
		delete(lines, s.Name)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "AUDIT_") {
			t.Errorf("audit has this from the first consumer: %s", line)
		}
	}
}

func TestExplainHasEverySettingAndNoSecret(t *testing.T) {
	cert, key := keyPair(t)
	cfg, err := FromMap(map[string]string{
		"bootstrap.servers": "a:1", "group.id": "payments", "security.protocol": "SASL_SSL",
		"sasl.username": "u", "sasl.password": "hunter2", "ssl.certificate.pem": cert, "ssl.key.pem": key,
	}, "audit")
	if err != nil {
		t.Fatal(err)
	}
	lines := explained(t, cfg)
	for _, s := range Settings() {
		line := lines[s.Name]
		if line == "" {
			t.Errorf("%s is missing", s.Name)
		}
		if strings.Contains(line, "hunter2") || strings.Contains(line, "BEGIN") {
			t.Errorf("a secret is shown: %s", line)
		}
	}
}
