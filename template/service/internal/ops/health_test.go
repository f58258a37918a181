//go:build !kafka

package ops

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestHealthIsTheConnectionsAndThenThatOfTheParts, and the log has when it begins to be bad
// and when all is well.
func TestHealthIsTheConnectionsAndThenThatOfTheParts(t *testing.T) {
	var log bytes.Buffer
	h := NewHealth(slog.New(slog.NewTextHandler(&log, nil)), "not consuming", "consuming again")
	says := func(want, last string) {
		t.Helper()
		got := ""
		if err := h.Why(); err != nil {
			got = err.Error()
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if got != want || !strings.Contains(lines[len(lines)-1], last) {
			t.Errorf("it is %q, want %q; the log ends with %s, want %s", got, want, lines[len(lines)-1], last)
		}
	}
	h.Set("b", ErrConnecting)
	h.Set("a", errors.New("nobody could be asked"))
	says(ErrConnecting.Error(), "")
	h.Set("a", nil)
	if h.Set(Connection, nil); log.Len() > 0 {
		t.Errorf("to connect is no outage: %s", &log)
	}
	says("b: "+ErrConnecting.Error(), "")
	h.Set(Connection, errors.New("it is away"))
	says("it is away", `level=WARN msg="not consuming" error="it is away"`)
	h.Set("a", errors.New("it is gone"))
	h.Set(Connection, nil)
	says("a: it is gone\nb: "+ErrConnecting.Error(), "not consuming")
	h.Set("b", nil)
	says("a: it is gone", "not consuming")
	h.Set("a", nil)
	says("", `level=INFO msg="consuming again" after=`)
	h.Set("a", errors.New("it is gone"))
	if err := h.Stop(); err == nil || err.Error() != "a: it is gone" {
		t.Errorf("at the end it is %v", err)
	}
	h.Set("a", nil)
	says("stopped", `error="a: it is gone"`)
}
