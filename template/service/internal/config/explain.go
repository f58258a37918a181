package config

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// originColumn is where the origins begin, if the value lets them.
const originColumn = 48

// Explain writes every setting, one a line, with where it came from: default,
// environment, .env:3, config.yaml:12, or the file that NAME_FILE names. After
// the service's come those of its own code, and what further consumers have for
// themselves. Secrets are redacted.
func (c Config) Explain(w io.Writer) error {
	var b strings.Builder
	c.loader.explain(&b, "", append(fieldsOf(&c), fieldsOf(c.loader.own)...))
	for _, name := range slices.Sorted(maps.Keys(c.loader.consumers)) {
		of := struct{ Kafka Kafka }{c.loader.consumers[name]}
		c.loader.explain(&b, prefixOf(name), fieldsOf(&of))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l *loader) explain(b *strings.Builder, prefix string, fields []field) {
	for _, f := range fields {
		origin, ok := l.origins[prefix+f.Name]
		if !ok {
			continue // the consumer has it from the service
		}
		text := f.text()
		if quoted := strconv.Quote(text); quoted != `"`+text+`"` || text != strings.TrimSpace(text) {
			text = quoted // one line, and what cannot be seen is seen
		}
		fmt.Fprintf(b, "%-*s # %s\n", originColumn, prefix+f.Name+"="+text, origin)
	}
}

// Secret is a string that no log, error or format verb shows. Convert it to a
// string where it is used.
type Secret string

const redacted = "[redacted]"

// String returns a stand-in for the secret, or nothing when it is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format writes the stand-in, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns the stand-in.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the stand-in.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Logger returns a logger that writes to w in the settings' format and level.
func (l Log) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // a Config that was not made by this package
	}
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
