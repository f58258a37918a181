package engine

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// logged runs n messages through handle, while dead letters are refused or not, and
// returns what was logged.
func logged(t *testing.T, cfg Config, level slog.Level, n int, refuse bool, handle func(*message.Message) error) (out string) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var buf bytes.Buffer
		b := start(t, cfg, func(_ context.Context, m *message.Message) error { return handle(m) })
		b.log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &buf}, &slog.HandlerOptions{Level: level}))
		b.refuse.Store(refuse)
		l := b.Assign(b)
		for i := range n {
			l.Deliver(batch(int64(i), 1))
		}
		elapse(time.Minute)
		_ = l.Drain(t.Context())
		mu.Lock()
		defer mu.Unlock()
		out = buf.String()
	})
	return out
}

type lockedWriter struct {
	mu  *sync.Mutex
	buf *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

// The words are what operators search for, so each is said as often as it should.
func TestWhatIsLogged(t *testing.T) {
	skip := settings()
	skip.ErrorPolicy, skip.Retry.MaxAttempts = PolicySkip, 1
	stop := skip
	stop.ErrorPolicy = PolicyStop
	slow, stuck := settings(), settings()
	slow.Retry.Delay, slow.Retry.MaxDelay = 365*24*time.Hour, 365*24*time.Hour
	stuck.StuckAfter = 20 * time.Second
	for name, tt := range map[string]struct {
		cfg    Config
		n      int
		handle func(*message.Message) error
		want   map[string]int
	}{
		"failed": {settings(), 1, func(m *message.Message) error { m.Header.MessageType = "AccountOpened"; return errTest },
			map[string]int{"message failed, retrying": 2, `msg="dead letter"`: 1, "type=AccountOpened": 3, "error=test": 3, "delay=10ms": 2, "level=INFO": 2}},
		"held for long": {settings(), 1, func(*message.Message) error { return message.RetryAfter(365*24*time.Hour, errTest) },
			map[string]int{`level=WARN msg="message failed, retrying"`: 1, "delay=24h0m0s key_waits_until=2000-01-02T00:00:00Z": 1}},
		"held for long by its policy": {slow, 1, func(*message.Message) error { return errTest },
			map[string]int{`level=WARN msg="message failed, retrying"`: 1, "delay=24h0m0s key_waits_until=2000-01-02T00:00:00Z": 1}},
		"stuck": {stuck, 1, func(*message.Message) error { time.Sleep(50 * time.Second); return nil },
			map[string]int{`level=WARN msg="handler does not return" topic=payments partition=0 offset=0 running=`: 2, "running=20s": 1}},
		"unavailable": {settings(), 1, func(*message.Message) error { return message.Unavailable(errTest) },
			map[string]int{"dependency unavailable, retrying": 1, "class=unavailable": 1}},
		"skipped": {skip, 1, func(*message.Message) error { return errTest }, map[string]int{"message skipped": 1}},
		"stopped": {stop, 1, func(*message.Message) error { return errTest }, map[string]int{"stopped by error policy": 1}},
		"panic":   {settings(), 1, func(*message.Message) error { panic("boom") }, map[string]int{"dead letter": 1, "stack=": 1, "class=panic": 1}},
		"paused": {settings(), 20, func(m *message.Message) error {
			if m.Attempt > 100 {
				return nil
			}
			return errTest
		}, map[string]int{"dead-lettering paused": 1, "dead-lettering resumed": 1, "topic=payments": 0}},
		"refused": {settings(), 1, func(*message.Message) error { return message.Permanent(errTest) },
			map[string]int{"dead letter refused, retrying": 1}},
		"handled": {settings(), 1, func(*message.Message) error { return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := logged(t, tt.cfg, slog.LevelInfo, tt.n, name == "refused", tt.handle)
			for text, n := range tt.want {
				if count := strings.Count(got, text); count != n && n > 0 || count == 0 {
					t.Errorf("%q is logged %d times, want %d, in:\n%.2000s", text, count, n, got)
				}
			}
			if tt.want == nil && got != "" {
				t.Errorf("logged %s", got)
			}
		})
	}
}

func TestAHandledMessageIsLoggedAtDebugLevelWithoutItsBody(t *testing.T) {
	got := logged(t, settings(), slog.LevelDebug, 1, false, func(m *message.Message) error {
		m.Header.MessageType, m.Header.MessageID = "AccountOpened", "m-1"+strings.Repeat("0", 1000)
		return nil
	})
	if len(got) > 400 {
		t.Errorf("it logs %d bytes: %s", len(got), got)
	}
	for _, want := range []string{"level=DEBUG", `msg="message handled"`, "topic=payments partition=0 offset=0 attempt=1", "type=AccountOpened id=m-1"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if strings.Contains(got, "class=") || strings.Contains(got, "error=") || strings.Contains(got, "{}") {
		t.Errorf("logged %s", got)
	}
}

func TestEventsHaveTheNamesOfMetrics(t *testing.T) {
	want := "handled retrying unavailable dead-letter dead-letter-refused skipped stopped ignored"
	var got []string
	for k := range kinds {
		got = append(got, EventKind(k).String())
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
}
