package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// drawValue draws a value for a setting: mostly one that it allows.
func drawValue(t *rapid.T, f field) string {
	if words := strings.Fields(f.tag.Get("oneof")); len(words) > 0 {
		return rapid.SampledFrom(append(words, "other")).Draw(t, f.Name)
	}
	switch f.value.Interface().(type) {
	case time.Duration:
		least, _ := time.ParseDuration(f.tag.Get("min"))
		most, _ := time.ParseDuration(f.tag.Get("max"))
		return rapid.Map(rapid.Int64Range(int64(least/time.Millisecond), int64(most/time.Millisecond)), func(n int64) string {
			return (time.Duration(n) * time.Millisecond).String()
		}).Draw(t, f.Name)
	case int, int64:
		return rapid.OneOf(rapid.StringMatching(`[1-9][0-9]{0,5}`), rapid.StringMatching(`[0-9a-fx_.-]{1,5}`)).Draw(t, f.Name)
	case bool:
		return rapid.SampledFrom([]string{"true", "false", "yes"}).Draw(t, f.Name)
	case []string:
		return strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z0-9.-]{1,8}:[1-9][0-9]{0,3}`), 1, 3).Draw(t, f.Name), ",")
	}
	if f.File {
		return "" // what these allow has tests of its own
	}
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9:#'"\\$ {}\[\]!&*|>%@,~-]{1,12}`),
		rapid.SampledFrom([]string{"null", "~", "true", "no", "010", "1e3", "1_000", "0x10", "2026-01-02", "<<", "=", "${HOME}", "*a", "&a", "!!str", "- a", "a: b", "a\tb", "Zoë", "日本"}),
	).Draw(t, f.Name)
}

// outcome is what a Config is compared by: the settings, and what is wrong with
// which of them.
func outcome(cfg Config, err error, read layer) (Config, string) {
	text := ""
	if err != nil {
		text = err.Error()
		for variable, v := range read { // what differs is only how a setting is called, and where
			text = strings.ReplaceAll(text, where(v.from)+v.name+"=", variable+"=")
		}
	}
	cfg.sources, cfg.consumers = nil, nil
	return cfg, text
}

// drawSettings draws settings, by their names as variables.
func drawSettings(t *rapid.T) map[string]string {
	settings := make(map[string]string)
	for f := range fields(new(Config)) {
		required := f.tag.Get("required") == "true"
		if f.Name == configFile || !required && rapid.IntRange(0, 3).Draw(t, "leave out "+f.Name) > 0 {
			continue
		}
		if value := drawValue(t, f); value != "" {
			settings[f.Name] = value
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
	if names := kafkaNames[variable]; len(names) > 0 {
		return names[0]
	}
	return strings.ToLower(variable)
}

// throughDotEnv writes variables as a .env file and reads it.
func throughDotEnv(variables map[string]string) map[string]string {
	var text strings.Builder
	for name, value := range variables {
		text.WriteString(name + "='" + value + "'\n")
	}
	read, err := godotenv.Unmarshal(text.String())
	if err != nil || !maps.Equal(read, variables) {
		return variables // a quote in a value: the file's own language has no good word for it
	}
	return read
}

// writeYAML writes settings as a YAML file and returns its name.
func writeYAML(t *rapid.T, dir string, settings map[string]string) string {
	text, err := yaml.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSettingsReadBackEqualFromEverySource draws settings and gives them to
// each source in its own words.
func TestSettingsReadBackEqualFromEverySource(t *testing.T) {
	dir := t.TempDir()
	sources := map[string]func(*rapid.T, *reader, map[string]string) layer{
		".env": func(_ *rapid.T, r *reader, settings map[string]string) layer {
			return r.variables(DotEnv, throughDotEnv(settings))
		},
		"YAML": func(t *rapid.T, r *reader, settings map[string]string) layer {
			return r.yamlFile(value{text: writeYAML(t, dir, renamed(settings, strings.ToLower))})
		},
		"map": func(_ *rapid.T, r *reader, settings map[string]string) layer {
			return r.named(entriesOf(renamed(settings, kafkaName)))
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		r := newReader(nil)
		read := r.variables(fromEnvironment, settings)
		cfg, err := r.config(read)
		want, wantText := outcome(cfg, err, read)
		for name, source := range sources {
			r := newReader(nil)
			read := source(t, r, settings)
			cfg, err := r.config(read)
			got, text := outcome(cfg, err, read)
			if !reflect.DeepEqual(got, want) || text != wantText {
				t.Errorf("from %s:\n%s%s\nfrom the environment:\n%s%s", name, got, text, want, wantText)
			}
		}
	})
}

// TestTheHigherSourceWins gives settings to any of the three sources.
func TestTheHigherSourceWins(t *testing.T) {
	dir := t.TempDir()
	names := []string{"SERVICE_NAME", "KAFKA_GROUP_ID", "KAFKA_CLIENT_ID", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}
	rapid.Check(t, func(t *rapid.T) {
		want := make(map[string]string)
		draw := func(source string) map[string]string {
			given := make(map[string]string)
			for _, name := range names {
				if text := rapid.SampledFrom([]string{"", "", source}).Draw(t, source+" says of "+name); text != "" || rapid.Bool().Draw(t, "nothing of it") {
					given[name] = text
					want[name] = cmp.Or(want[name], text) // the higher sources come first
				}
			}
			return given
		}
		environment, dotEnv, file := draw(fromEnvironment), draw(DotEnv), draw("YAML")
		cfg, _ := load(writeYAML(t, dir, renamed(file, strings.ToLower)), environment, dotEnv) // whether they go together is another matter
		for f := range fields(&cfg) {
			if w := want[f.Name]; w != "" && f.value.String() != w {
				t.Errorf("%s is of %q, want %q", f.Name, f.text(), w)
			}
		}
	})
}

// TestNoSourceShowsASecret draws settings, right and wrong ones, with a secret
// among them, of the first consumer or of another.
func TestNoSourceShowsASecret(t *testing.T) {
	dir := t.TempDir()
	const secret = "hunter2-hunter2"
	var secrets []string
	for _, s := range Settings() {
		if s.Secret {
			secrets = append(secrets, s.Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		settings := drawSettings(t)
		name := rapid.SampledFrom(secrets).Draw(t, "secret")
		own := map[string]any{}
		given := map[string]any{consumersKey: map[string]any{"audit": own}}
		for name, value := range settings {
			given[strings.ToLower(name)] = value
		}
		if rapid.Bool().Draw(t, "of the consumer") {
			own[strings.ToLower(name)] = Secret(secret)
			settings["AUDIT_"+name] = secret
		} else {
			given[strings.ToLower(name)] = secret
			settings[name] = secret
		}
		ofMap, err1 := FromMap(given, "audit")
		ofEnvironment, err2 := load("", settings, nil, "audit")
		ofDotEnv, err3 := load("", nil, settings, "audit")
		ofFile, err4 := load(writeYAML(t, dir, renamed(settings, strings.ToLower)), nil, nil, "audit") // audit_kafka_… is a mistake there
		var b strings.Builder
		fmt.Fprintln(&b, err1, err2, err3, err4)
		for _, cfg := range []Config{ofMap, ofEnvironment, ofDotEnv, ofFile} {
			if err := cfg.Explain(&b); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s%+v", cfg, cfg.Consumer("audit"))
		}
		if shown := b.String(); strings.Contains(shown, secret) {
			t.Errorf("%s is shown in\n%s", name, shown)
		}
	})
}

// FuzzYAML proves that no file makes the reader fall over.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"", "a", "- a", "a: b", "a: [b", "a: &b c\nd: *b", "<<: {a: b}", "? a\n: b", "---\n---", "consumers: {audit: {group.id: a}}",
		"session.timeout.ms: 1", "consumers: [a]", "a: !!binary aGk=", "\xff", "%YAML 1.2\n---\n", "{a: {b: {c: d}}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := newReader([]string{"audit"})
		_, err := r.config(r.named(r.document("config.yaml", []byte(text))))
		if err == nil {
			return
		}
		for line := range strings.Lines(strings.TrimPrefix(err.Error(), "configuration:\n")) {
			if strings.TrimSpace(line) == "" {
				t.Errorf("an empty problem in %q", err)
			}
		}
	})
}
