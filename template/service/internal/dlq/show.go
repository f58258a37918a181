package dlq

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// letter prints one letter.
func (r *report) letter(l *Letter, asJSON bool) error {
	m := &l.Original
	if asJSON {
		shown := struct {
			Place    string    `json:"place"`
			Topic    string    `json:"topic"`
			At       string    `json:"at"`
			Group    string    `json:"group,omitzero"`
			Class    string    `json:"class,omitzero"`
			Reason   string    `json:"reason"`
			Attempts string    `json:"attempts,omitzero"`
			FailedAt time.Time `json:"failed_at"`
			Produced time.Time `json:"produced,omitzero"`
			Key      *field    `json:"key"`
			Value    *field    `json:"value"`
			Headers  []field   `json:"headers"`
		}{
			Place: l.place(), Topic: m.Topic, At: at(m), Group: l.Group, Class: l.Class, Reason: l.Reason, Attempts: l.Attempts,
			FailedAt: l.FailedAt, Produced: m.Time, Key: optional(m.Key), Value: optional(m.Value), Headers: []field{},
		}
		for _, h := range m.Headers {
			shown.Headers = append(shown.Headers, fieldOf(h.Key, h.Value))
		}
		return r.json(shown)
	}
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", printable([]byte(name), ""), printable([]byte(value), ""))
		}
	}
	line("dead letter", l.place())
	if m.Topic != "" {
		line("of", at(m))
	}
	line("produced", clock(m.Time))
	line("failed", clock(l.FailedAt))
	line("group", l.Group)
	line("class", l.Class)
	line("attempts", l.Attempts)
	line("reason", l.Reason)
	if m.Key != nil {
		line("key", string(m.Key))
	}
	for _, h := range m.Headers {
		line("header "+h.Key, string(h.Value))
	}
	_ = w.Flush()
	if m.Value == nil {
		fmt.Fprintln(r.out, "\nno value: a tombstone")
		return nil
	}
	fmt.Fprintf(r.out, "\n%s\n", printable(m.Value, "\n\t"))
	return nil
}

func at(m *message.Message) string { return fmt.Sprintf("%s/%d@%d", m.Topic, m.Partition, m.Offset) }

// optional returns nil for what is not there.
func optional(value []byte) *field {
	if value == nil {
		return nil
	}
	f := fieldOf("", value)
	return &f
}

// printable returns what others wrote as it may be printed on a terminal: bytes that are
// no text in base64, and what moves the cursor or is not seen, but for keep, in escapes.
func printable(value []byte, keep string) string {
	f := fieldOf("", value)
	if f.Base64 != "" {
		return "base64 " + f.Base64
	}
	var b strings.Builder
	for _, c := range f.Text {
		if !unicode.IsPrint(c) && !strings.ContainsRune(keep, c) {
			fmt.Fprintf(&b, `\u%04x`, c)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
