//go:build !jetstream && !rabbitmq

package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// word returns the parameter of a rule in a setting's validate tag.
func word(s Setting, rule string) string {
	for r := range strings.SplitSeq(s.field.Tag.Get("validate"), ",") {
		if parameter, ok := strings.CutPrefix(r, rule+"="); ok {
			return parameter
		}
	}
	return ""
}

// drawValue draws a value for a setting: mostly one that it allows.
func drawValue(t *rapid.T, s Setting) string {
	if words := strings.Fields(word(s, "oneof")); len(words) > 0 {
		return rapid.SampledFrom(append(words, "other")).Draw(t, s.Name)
	}
	switch s.value.Interface().(type) {
	case time.Duration:
		least, _ := time.ParseDuration(word(s, "min"))
		most, _ := time.ParseDuration(word(s, "max"))
		return rapid.Map(rapid.Int64Range(int64(least/time.Millisecond), int64(most/time.Millisecond)), func(n int64) string {
			return (time.Duration(n) * time.Millisecond).String()
		}).Draw(t, s.Name)
	case int, int64:
		return rapid.OneOf(rapid.StringMatching(`[1-9][0-9]{0,5}`), rapid.StringMatching(`[0-9a-fx_.-]{1,5}`)).Draw(t, s.Name)
	case bool:
		return rapid.SampledFrom([]string{"true", "false", "yes"}).Draw(t, s.Name)
	case []string:
		return strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z0-9.-]{1,8}:[1-9][0-9]{0,3}`), 1, 3).Draw(t, s.Name), ",")
	}
	if s.File {
		return "" // what these allow has tests of its own
	}
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9:#'"\\$ {}\[\]!&*|>%@,~-]{1,12}`).Filter(isNotQuoted),
		rapid.SampledFrom([]string{"null", "~", "true", "no", "010", "1e3", "1_000", "0x10", "2026-01-02", "<<", "=", "${HOME}", "*a", "&a", "!!str", "- a", "a: b", "a\tb", "Zoë", "日本"}),
	).Draw(t, s.Name)
}

// isNotQuoted reports whether a value is taken from the environment: one in quotes is refused there.
func isNotQuoted(value string) bool { return !inQuotes.MatchString(value) }

// outcome is what a Config is compared by: the settings, and what is wrong with
// which of them. Where a value stands and how it is called there differ.
func outcome(cfg Config, err error) string {
	cfg.loader = nil
	text := fmt.Sprintf("%#v\n%q %q\n", cfg, string(cfg.Source.SASLPassword), string(cfg.Source.SSLKey))
	if err != nil {
		var textSb66 strings.Builder
		for _, p := range func() *Error {
			target := &Error{}
			_ = errors.As(err, &target)
			return target
		}().Problems {
			textSb66.WriteString(places.ReplaceAllString(p.Text, p.Setting+"$1") + "\n")
		}
		text += textSb66.String()
	}
	return text
}

var places = regexp.MustCompile(`^(?:map|environment|\.env:\d+|\S*config\.yaml:\d+): \S+?(=| is not set)`)

// drawSettings draws settings, by their names as variables.
func drawSettings(t *rapid.T) map[string]string {
	settings := make(map[string]string)
	for _, s := range Settings(new(Config)) {
		required := s.Name == "KAFKA_BOOTSTRAP_SERVERS"
		if s.Name == configFile || !required && rapid.IntRange(0, 3).Draw(t, "leave out "+s.Name) > 0 {
			continue
		}
		if value := drawValue(t, s); value != "" {
			settings[s.Name] = value
		}
	}
	return settings
}

// renamed returns settings under other names.
func renamed(settings map[string]string, name func(variable string) string) map[string]string {
	other := make(map[string]string)
	for variable, value := range settings {
		other[name(variable)] = value
	}
	return other
}

// kafkaName returns the name that Kafka's clients have for a setting, if any.
func kafkaName(variable string) string {
	for _, s := range Settings(new(Config)) {
		if names := strings.Fields(s.field.Tag.Get("also")); s.Name == variable && len(names) > 0 {
			return names[0]
		}
	}
	return strings.ToLower(variable)
}

// write writes settings into the working directory.
func write(t *rapid.T, name string, settings map[string]string) string {
	text, err := yaml.Marshal(settings)
	if name == dotEnv {
		text = nil
		for name, value := range settings {
			if strings.Contains(value, "'") {
				value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(value) + `"`
			} else {
				value = "'" + value + "'"
			}
			text = append(text, name+"="+value+"\n"...)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSettingsReadBackEqualFromEverySource draws settings and gives them to
// each source in its own words.
func TestSettingsReadBackEqualFromEverySource(t *testing.T) {
	inDir(t)
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		write(t, dotEnv, nil)
		cfg, err := load("", nil, settings, nil)
		want := outcome(cfg, err)
		cfg, err = FromMap(renamed(settings, kafkaName), nil)
		if got := outcome(cfg, err); got != want {
			t.Errorf("from a map:\n%sfrom the environment:\n%s", got, want)
		}
		cfg, err = load("", map[string]string{}, map[string]string{configFile: write(t, "config.yaml", renamed(settings, strings.ToLower))}, nil)
		cfg.File = ""
		if got := outcome(cfg, err); got != want {
			t.Errorf("from YAML:\n%sfrom the environment:\n%s", got, want)
		}
		write(t, dotEnv, settings)
		cfg, err = load("", nil, nil, nil)
		if got := outcome(cfg, err); got != want {
			t.Errorf("from .env:\n%sfrom the environment:\n%s", got, want)
		}
	})
}

// TestTheHighestSourceThatHasASettingWins gives settings to any of the sources.
func TestTheHighestSourceThatHasASettingWins(t *testing.T) {
	inDir(t)
	names := []string{"SERVICE_NAME", "KAFKA_GROUP_ID", "KAFKA_CLIENT_ID", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}
	rapid.Check(t, func(t *rapid.T) {
		want := make(map[string]string)
		draw := func(source string) map[string]string {
			given := make(map[string]string)
			for _, name := range names {
				if text := rapid.SampledFrom([]string{"", "", source}).Draw(t, source+" says of "+name); text != "" || rapid.Bool().Draw(t, "nothing of it") && source != "over" {
					given[name] = text
					want[name] = cmp.Or(want[name], text) // the higher sources come first
				}
			}
			return given
		}
		over, environment := draw("over"), draw("environment")
		var cfg Config
		if rapid.Bool().Draw(t, "named on the command line") {
			file := write(t, "config.yaml", renamed(draw("YAML"), strings.ToLower))
			write(t, dotEnv, draw(".env"))
			cfg, _ = load(file, over, environment, nil) // whether they go together is another matter
		} else {
			write(t, dotEnv, draw(".env"))
			environment[configFile] = write(t, "config.yaml", renamed(draw("YAML"), strings.ToLower))
			cfg, _ = load("", over, environment, nil)
		}
		for _, s := range Settings(&cfg) {
			if w := want[s.Name]; w != "" && s.value.String() != w {
				t.Errorf("%s is of %q, want %q", s.Name, s.value, w)
			}
		}
	})
}

// TestNoSourceShowsASecret draws settings, right and wrong ones, with a secret
// among them, of the service or of a consumer.
func TestNoSourceShowsASecret(t *testing.T) {
	inDir(t)
	const secret = "hunter2-hunter2"
	var secrets []string
	for _, s := range Settings(new(Config)) {
		if s.Secret {
			secrets = append(secrets, s.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		name := rapid.SampledFrom(secrets).Draw(t, "secret")
		text := rapid.SampledFrom([]string{"", " "}).Draw(t, "before") + secret
		given := map[string]any{}
		for name, value := range settings {
			given[strings.ToLower(name)] = value
		}
		if slices.ContainsFunc(consumerSettings, func(s Setting) bool { return s.Name == name }) && rapid.Bool().Draw(t, "of the consumer") {
			given["audit_"+strings.ToLower(name)] = Secret(text)
			settings["AUDIT_"+name] = text
		} else {
			given[strings.ToLower(name)] = text
			settings[name] = text
		}
		var b strings.Builder
		show := func(cfg Config, err error) {
			fmt.Fprintf(&b, "%v %+v %#v", err, cfg, cfg)
			audit, err := cfg.Consumer("audit")
			fmt.Fprintln(&b, audit, err, cfg.CheckUnread(true))
			if err := cfg.Explain(&b); err != nil {
				t.Fatal(err)
			}
		}
		show(FromMap(given, nil))
		write(t, dotEnv, nil)
		show(load("", nil, settings, nil))
		show(load(write(t, "config.yaml", renamed(settings, strings.ToLower)), nil, nil, nil))
		write(t, dotEnv, settings)
		show(load("", nil, nil, nil))
		if shown := b.String(); strings.Contains(shown, secret) {
			t.Errorf("%s is shown in\n%s", name, shown)
		}
	})
}

// FuzzFiles proves that no file makes the reader fall over, nor hides a problem
// behind an empty line.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"", "a", "- a", "a: b", "a: [b", "a: &b c\nd: *b", "<<: {a: b}", "? a\n: b", "---\n---", "audit_kafka_group_id: a",
		"session.timeout.ms: 1", "a: !!binary aGk=", "\xff", "%YAML 1.2\n---\n", "{a: {b: {c: d}}}",
		"A=1", "A='1\n'", "A=\"", "export A = $B # c", "A=#", "\ufeffA=\\", "AUDIT_KAFKA_GROUP_ID=x\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inDir(t, dotEnv, text, "config.yaml", text)
		for _, file := range []string{"", "config.yaml"} {
			cfg, err := load(file, nil, nil, nil)
			_, err2 := cfg.Consumer("audit")
			_ = cfg.CheckUnread(true)
			for line := range strings.Lines(fmt.Sprintln(err, err2)) {
				if strings.TrimSpace(line) == "" {
					t.Errorf("an empty problem in %q", err)
				}
			}
		}
	})
}
