package ops

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An outage of some minutes is a few lines in the log, whatever the number of attempts.
func TestAnOutageIsAWarningThenAnErrorEachMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := Outage{Log: slog.New(slog.NewTextHandler(&log, nil))}
		if o.End("started"); log.Len() > 0 {
			t.Errorf("an outage ended that was none: %s", &log)
		}
		for range 150 { // 2 min 30 s
			o.Failed("start failed, retrying", errors.New("connection refused"))
			time.Sleep(time.Second)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "level=WARN") ||
			!strings.Contains(lines[1], "level=ERROR") || !strings.Contains(lines[1], "for=1m0s") || !strings.Contains(lines[2], "for=2m0s") {
			t.Errorf("the log is\n%s", &log)
		}
		if o.End("started"); !strings.HasSuffix(log.String(), "msg=started after=2m30s\n") {
			t.Errorf("of its end the log has\n%s", &log)
		}
		if o.Failed("start failed, retrying", errors.New("connection refused")); strings.Count(log.String(), "level=WARN") != 2 {
			t.Error("the next outage begins without a warning")
		}
	})
}

// TestWhatAChecksErrorSaysIsShownAsInStatus: it is cut, moves no cursor, and has no password
// of a URL; one that panics when it is asked for its text is told all the same.
func TestWhatAChecksErrorSaysIsShownAsInStatus(t *testing.T) {
	for want, err := range map[string]error{
		"shop: postgres://[redacted]@db/x is away [2J again\n":                            errors.New("postgres://u:hunter2@db/x is away\x1b[2J\nagain\u202e"),
		"shop: panic: runtime error: invalid memory address or nil pointer dereference\n": (*os.PathError)(nil),
		"shop: " + strings.Repeat("a", 1021) + "…\n":                                      errors.New(strings.Repeat("a", 20<<20)),
	} {
		s := newServer()
		s.Checks = []Check{NewCheck("shop", func(context.Context) error { return err })}
		if code, body := get(t, s, "/readyz"); code != 503 || body != want {
			t.Errorf("%d, %.2000q, want %q", code, body, want)
		}
		s.Checks = []Check{NewCheck("shop", func(context.Context) error { return err })}
		if now := statusOf(t, s); "shop: "+now.Checks[0].Error+"\n" != want {
			t.Errorf("%.2000q, want %q", now.Checks[0].Error, want)
		}
	}
}
