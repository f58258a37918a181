package kafka

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// logBuffer holds what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// line returns the first line with all the words, empty when there is none.
func (l *logBuffer) line(words ...string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
lines:
	for line := range strings.Lines(l.b.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		return line
	}
	return ""
}

// consumeLogged runs a consumer and returns what it logs.
func consumeLogged(t *testing.T, cfg config.Kafka, topic string) (*running, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), succeed, topic)
	return r, log
}

func commitAt(t *testing.T, c *kfake.Cluster, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("payments", 0, offset, -1)
	if err := kadm.NewClient(newClient(t, c)).CommitAllOffsets(t.Context(), "tests", offsets); err != nil {
		t.Fatal(err)
	}
}

// TestAJumpIsTold: the client goes on somewhere else when the log no longer has
// the committed offset, and says nothing.
func TestAJumpIsTold(t *testing.T) {
	for _, c := range []struct {
		name           string
		committed, cut int64
		handled        int
		want           []string
	}{
		{"records deleted before they were read", 2, 6, 4, []string{"committed=2", "log_start=6", "log_end=10", "deleted=4"}},
		{"the log ends before what is committed", 1000, 0, 10, []string{"committed=1000", "log_start=0", "log_end=10"}},
		{"in range", 2, 0, 8, nil},
		{"right at the log's start", 6, 6, 4, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := startCluster(t, topicOf(1))
			produce(t, cluster, 0, envelopes(t, 0, 10)...)
			commitAt(t, cluster, c.committed)
			if c.cut > 0 {
				var cut kadm.Offsets
				cut.AddOffset("payments", 0, c.cut, -1)
				if _, err := kadm.NewClient(newClient(t, cluster)).DeleteRecords(t.Context(), cut); err != nil {
					t.Fatal(err)
				}
			}
			r, log := consumeLogged(t, settings(t, cluster), "payments")
			r.await(t, engine.Handled, c.handled)
			got := log.line("level=WARN", "out of range")
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("the log says %q, want %q in it", got, w)
				}
			}
			if c.want == nil && got != "" {
				t.Errorf("the log says %q although nothing was skipped", got)
			}
		})
	}
}

// TestAGroupSharedByMistakeIsTold: two services with one group id look healthy.
func TestAGroupSharedByMistakeIsTold(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "payments", "invoices"))
	cfg := settings(t, c, "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	_, payments := consumeLogged(t, cfg, "payments")
	_, again := consumeLogged(t, cfg, "payments")
	stable(t, c, 2)
	eventually(t, "both consume", func() bool { return again.line("msg=consuming") != "" })
	if got := payments.line("level=WARN") + again.line("level=WARN"); got != "" {
		t.Errorf("two of a kind are warned of: %s", got)
	}
	_, invoices := consumeLogged(t, cfg, "invoices")
	for _, log := range []*logBuffer{payments, invoices} {
		eventually(t, "a warning", func() bool { return log.line("level=WARN", "KAFKA_GROUP_ID", "payments", "invoices") != "" })
	}
}
