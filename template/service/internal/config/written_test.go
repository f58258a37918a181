//go:build !jetstream && !rabbitmq

package config

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A value in .env without quotes is what stands there, but for blanks around it and
// a \$, or it is refused.
func TestWhatStandsInDotEnvIsTheValueOrRefused(t *testing.T) {
	inDir(t)
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.StringMatching(`[^'"\n ]?[ab$#'"\\ \t\r{}()=:,;!&*|<>~%@-]{1,8}`).Draw(t, "written")
		want := strings.Trim(written, " \t\r")
		if want == "" || strings.ContainsAny(want[:1], `'"`) {
			t.Skip("quoted")
		}
		if err := os.WriteFile(dotEnv, []byte(saslSettings+"KAFKA_SASL_PASSWORD="+written+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := load("", nil, nil, nil)
		if got := string(cfg.Source.SASLPassword); err == nil && got != strings.ReplaceAll(want, `\$`, "$") {
			t.Errorf("%q is read as %q", written, got)
		}
	})
}

// No source changes a value without a word: it is taken as it stands, or refused.
func TestNoSourceChangesAValueWithoutAWord(t *testing.T) {
	const sasl = "bootstrap.servers: a:1\ngroup.id: g\nsecurity.protocol: SASL_SSL\nsasl.username: u\n" // 4 lines
	for _, c := range []struct{ source, text, password, problem string }{
		{"environment", `hunt"er'2`, `hunt"er'2`, ""},
		{"environment", "$hunter #2", "$hunter #2", ""},
		{"environment", "hunter\n2", "hunter\n2", ""},
		{"environment", "hunter2\r\n", "hunter2", ""},
		{"environment", `"hunter2"`, "", "environment: KAFKA_SASL_PASSWORD=[redacted]: is in quotes, which --env-file of docker leaves there: remove them"},
		{"environment", `'hunter2'`, "", "environment: KAFKA_SASL_PASSWORD=[redacted]: is in quotes"},
		{"environment", `"hunter" "2"`, `"hunter" "2"`, ""},
		{"environment", "hunter2\t", "", "environment: KAFKA_SASL_PASSWORD=[redacted]: has a blank at an end"},
		{"environment", " hunter2", "", "environment: KAFKA_SASL_PASSWORD=[redacted]: has a blank at an end"},
		{"file", "hunter2", "hunter2", ""},
		{"file", "hunter2\n", "hunter2", ""},
		{"file", "hunter2\r\n", "hunter2", ""},
		{"file", ` "$hunter2" #x `, ` "$hunter2" #x `, ""},
		{"file", "hunter\n2\n", "hunter\n2", ""},
		{"file", "hunter\n2\n\n", "hunter\n2\n", ""},
		{"file", "hunter2\n\n", "", "the file has a second line break at its end: remove it"},
		{"file", "\n\n", "", "the file is empty"},
		{"YAML", "kafka_sasl_password: hunter2\r\n", "hunter2", ""},
		{"YAML", "kafka_sasl_password: $hunter2#x", "$hunter2#x", ""},
		{"YAML", "kafka_sasl_password: 'hunter2 # x' # old", "hunter2 # x", ""},
		{"YAML", "kafka_sasl_password: |\n  hunter2 # x\n", "hunter2 # x", ""},
		{"YAML", "kafka_sasl_password: hunter2 # x", "", "config.yaml:5: kafka_sasl_password: put the value in quotes: a # after a blank begins a comment"},
		{"YAML", "kafka_sasl_password: #hunter2", "", "config.yaml:5: kafka_sasl_password: put the value in quotes"},
		{"YAML", "kafka_sasl_password: 'hunter2 '", "", "config.yaml:5: kafka_sasl_password=[redacted]: has a blank at an end"},
		{"YAML", "kafka_sasl_password: hunter2\n---\nsasl.password: hunter3\n", "", "config.yaml: has a second document, behind ---: settings are in one"},
		{"YAML", "kafka_sasl_password: ~\nkafka_sasl_password: hunter2\n", "", "config.yaml:6: kafka_sasl_password and kafka_sasl_password (config.yaml:5) give the same setting: keep one"},
		{".env", "KAFKA_SASL_PASSWORD=hunter2\nKAFKA_SASL_PASSWORD=\n", "", ".env:2: KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD (.env:1) give the same setting: keep one"},
		{".env", "KAFKA_SASL_PASSWORD=\nexport KAFKA_SASL_PASSWORD=hunter2\n", "", ".env:2: KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD (.env:1) give the same setting: keep one"},
		{".env", "KAFKA_SASL_PASSWORD_FILE=\nKAFKA_SASL_PASSWORD=hunter2\n", "hunter2", ""},
	} {
		inDir(t, "config.yaml", sasl, "password", c.text)
		environment := make(map[string]string)
		switch c.source {
		case "environment":
			environment["KAFKA_SASL_PASSWORD"] = c.text
		case "file":
			environment["KAFKA_SASL_PASSWORD_FILE"] = "password"
		case "YAML":
			inDir(t, "config.yaml", sasl+c.text)
		case dotEnv:
			inDir(t, "config.yaml", sasl, dotEnv, c.text)
		}
		cfg, err := load("config.yaml", nil, environment, nil)
		switch {
		case c.problem == "" && (err != nil || string(cfg.Source.SASLPassword) != c.password):
			t.Errorf("%s %q: password %q, %v", c.source, c.text, string(cfg.Source.SASLPassword), err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "hunter")):
			t.Errorf("%s %q: %v, want %s", c.source, c.text, err, c.problem)
		}
	}
}

// What is no secret, too.
func TestQuotesOfTheEnvironmentAreRefused(t *testing.T) {
	_, err := load("", nil, least("KAFKA_CLIENT_ID", `"books"`, "MAX_WORKERS", `"3"`), nil)
	equal(t, problemsOf(t, err),
		`environment: MAX_WORKERS="\"3\"": must be a whole number, from 1 to 100000`,
		`environment: KAFKA_CLIENT_ID="\"books\"": is in quotes, which --env-file of docker leaves there: remove them`,
	)
}

// A list is what its elements are.
func TestAnElementOfAListIsOne(t *testing.T) {
	inDir(t, "config.yaml", "bootstrap.servers: ['a:1,b:2', 'c:3']\ngroup.id: g\n")
	_, err := load("config.yaml", nil, nil, nil)
	if got := problemsOf(t, err); !strings.Contains(got, "config.yaml:1: bootstrap.servers is a list: its elements may have no comma") {
		t.Error(got)
	}
}

// An editor of Windows begins a file with a byte order mark.
func TestAByteOrderMarkIsNoPartOfAFile(t *testing.T) {
	inDir(t, dotEnv, "\ufeffKAFKA_GROUP_ID=g\r\n", "config.yaml", "\ufeffbootstrap.servers: a:1\r\n")
	if cfg, err := load("config.yaml", nil, nil, nil); err != nil || cfg.Source.GroupID != "g" || cfg.Source.Brokers[0] != "a:1" {
		t.Errorf("%+v, %v", cfg.Source, err)
	}
}
