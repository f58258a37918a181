package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

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

// String lists every setting as NAME=value lines, secrets redacted.
func (c Config) String() string {
	var b strings.Builder
	for f := range fields(&c) {
		fmt.Fprintf(&b, "%s=%s\n", f.Name, f.text())
	}
	return b.String()
}

// Format writes String's lines, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns the settings whose value is not the default, secrets
// redacted.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for f := range fields(&c) {
		if text := f.text(); text != f.Default {
			attrs = append(attrs, slog.String(f.Name, text))
		}
	}
	return slog.GroupValue(attrs...)
}

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
