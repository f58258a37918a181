package ops

import (
	"bytes"
	"errors"
	"log/slog"
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
