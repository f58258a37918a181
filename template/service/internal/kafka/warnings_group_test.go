package kafka

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// consumeLogged runs a consumer and returns what it logs.
func consumeLogged(t *testing.T, cfg config.Kafka) (*running, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), succeed, "payments")
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
			r, log := consumeLogged(t, settings(t, cluster))
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
