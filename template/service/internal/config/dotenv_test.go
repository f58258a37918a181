//go:build !jetstream && !rabbitmq

package config

import (
	"log/slog"
	"os"
	"strings"
	"testing"
)

const saslSettings = "KAFKA_BOOTSTRAP_SERVERS=a:1\nKAFKA_GROUP_ID=g\nKAFKA_SECURITY_PROTOCOL=SASL_SSL\nKAFKA_SASL_USERNAME=u\n"

const misreadProblem = ".env:5: KAFKA_SASL_PASSWORD: put the value in single quotes: a $, or a # at its beginning or after a blank, is read as something else"

// A value in .env is what stands there, or it is refused with its line.
func TestAValueInDotEnvIsWhatStandsThere(t *testing.T) {
	for _, c := range []struct{ line, password, problem string }{
		{`c8@i9`, "c8@i9", ""},
		{`'$ConnectionString'`, "$ConnectionString", ""},
		{`'a # b "c" \n '`, `a # b "c" \n `, "has a blank at an end"},
		{`'a # b "c" \n \x'`, `a # b "c" \n \x`, ""},
		{`"a # b 'c' \n \" \\ \$X"`, "a # b 'c' \n \" \\ $X", ""},
		{`'two' # and a comment`, "two", ""},
		{`\$X`, "$X", ""},
		{`a$ $`, "a$ $", ""},
		{`'#a#b'`, "#a#b", ""},
		{`a#b`, "a#b", ""},
		{`#a#b`, "", misreadProblem},
		{` # none`, "", misreadProblem},
		{`"hunter2 \"so\""`, `hunter2 "so"`, ""},
		{`'hunter2\'`, `hunter2\`, ""},
		{`'hunter2' KAFKA_SASL_USERNAME=x`, "", ".env:5: not NAME=value"},
		{`it's "so"`, `it's "so"`, ""},
		{`"it's"`, "it's", ""},
		{`'it's'`, "", ".env:5: not NAME=value"},
		{`'"'`, `"`, ""},
		{`"#a # b"`, "#a # b", ""},
		{`"two" # C:\dir`, "two", ""},
		{`"hunter\temp"`, "", ".env:5: not NAME=value"},
		{`"a\\temp\n"`, "a\\temp", ""},
		{`"a\\b"`, `a\b`, ""},
		{`a\nb`, `a\nb`, ""},
		{`$ConnectionString`, "", misreadProblem},
		{`"q$27"`, "", misreadProblem},
		{`c8@i9$CWxN`, "", misreadProblem},
		{`a${B}`, "", misreadProblem},
		{`$(id)`, "", misreadProblem},
		{`hunter2 # old`, "", misreadProblem},
		{`hunter2 # "old"`, "", misreadProblem},
		{"hunter2\t#old", "", misreadProblem},
		{"hunter2\u00a0", "", "has a blank at an end"},
		{"hunter2\x1f", "hunter2\x1f", ""},
		{`'hunter2 '`, "", "has a blank at an end"},
		{`'hunter2`, "", ".env:5: not NAME=value: the name has a character other than letters, digits, dots and underscores, or a quote is not closed, or a \\ in double quotes begins no escape"},
		{`"hunter2\"`, "", ".env:5: not NAME=value"},
		{`'hunter2' x`, "", ".env:5: not NAME=value"},
	} {
		inDir(t, ".env", saslSettings+"KAFKA_SASL_PASSWORD="+c.line+"\nLOG_LEVEL=warn\n")
		cfg, err := load("", nil, nil, nil)
		switch {
		case c.problem == "" && (err != nil || string(cfg.Source.SASLPassword) != c.password || cfg.Log.Level != slog.LevelWarn):
			t.Errorf("%s: password %q, level %s, %v", c.line, string(cfg.Source.SASLPassword), cfg.Log.Level, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "hunter")):
			t.Errorf("%s: %v, want %s", c.line, err, c.problem)
		}
	}
}

func TestDotEnvIsReadAsEditorsAndShellsWriteIt(t *testing.T) {
	inDir(t, ".env", "\ufeff# first\r\n\r\nexport KAFKA_BOOTSTRAP_SERVERS = a:1 \r\n  KAFKA_GROUP_ID='g' # quoted\r\n\tKAFKA_CLIENT_ID=\r\n#LOG_LEVEL=warn\r\nMAX_WORKERS=7\t# few")
	cfg, err := load("", nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if k := cfg.Source; k.Brokers[0] != "a:1" || k.GroupID != "g" || k.ClientID != "g" || k.MaxWorkers != 7 || cfg.Log.Level != slog.LevelInfo {
		t.Errorf("%+v", k)
	}
	if lines := explained(t, cfg); lines["MAX_WORKERS"] != "MAX_WORKERS=7 # .env:7" {
		t.Errorf("got %s", lines["MAX_WORKERS"])
	}
}

func TestWhatIsWrongInDotEnvIsReportedWithItsLine(t *testing.T) {
	inDir(t, ".env", "KAFKA_GROUP_ID=two\n\nBAD-NAME=hunter2\nhunter2\nKAFKA_GROUP_ID=x\nKAFKA_MAX_WORKERS=1\nKAFKA_SASL_PASWORD_FILE=x\nKAFKA_ZZZZZ=1\nKAFKA_IMAGE=x\nDATABASE_URL=x\nA: hunter2\n")
	_, err := load("", nil, map[string]string{"KAFKA_MAX_WORKERS": "1", "KAFKA_BOOTSTRAP_SERVERS": "a:1"}, nil)
	const notNameValue = "not NAME=value: the name has a character other than letters, digits, dots and underscores, or a quote is not closed, or a \\ in double quotes begins no escape"
	equal(t, problemsOf(t, err),
		".env:3: "+notNameValue, ".env:4: "+notNameValue, ".env:11: "+notNameValue,
		".env:5: KAFKA_GROUP_ID and KAFKA_GROUP_ID (.env:1) give the same setting: keep one",
		".env:6: KAFKA_MAX_WORKERS is not a setting; the config command lists those that are",
		".env:7: KAFKA_SASL_PASWORD_FILE is not a setting; the config command lists those that are",
		".env:8: KAFKA_ZZZZZ is not a setting; the config command lists those that are",
	)
}

func TestADotEnvThatCannotBeReadIsReported(t *testing.T) {
	inDir(t)
	if err := os.Mkdir(".env", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := load("", nil, least(), nil)
	if got := problemsOf(t, err); !strings.Contains(got, ".env") || strings.Contains(got, "\n") {
		t.Errorf("problems %s", got)
	}
}

// Names that may be another program's are no error, but they are listed.
func TestNamesInDotEnvThatNothingReadsAreListed(t *testing.T) {
	inDir(t, ".env", "DATABASE_URL=x\nLOG_LVEL=debug\nKAFKA_IMAGE=x\nPOSTGRES_PASSWORD=hunter2\n")
	cfg, err := load("", nil, least("SERVICE_NAM", "x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, strings.Join(cfg.CheckUnread(true), "\n"), ".env:1: DATABASE_URL", ".env:2: LOG_LVEL", ".env:4: POSTGRES_PASSWORD")
}
