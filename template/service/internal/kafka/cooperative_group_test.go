package kafka

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestACooperativeMemberForgottenWhileItJoinsAnewLosesItsLanes: another member has its
// partitions, and would handle their messages beside it until the drain is over.
func TestACooperativeMemberForgottenWhileItJoinsAnewLosesItsLanes(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	log := new(logBuffer)
	var runs atomic.Int64
	told := make(chan struct{}, 10)
	cfg := settings(t, c, "KAFKA_REBALANCE_STRATEGY", "cooperative-sticky", "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), func(ctx context.Context, _ message.Of[payment]) error {
		if runs.Add(1) == 1 {
			<-ctx.Done()
			told <- struct{}{}
		}
		return ctx.Err()
	}, "payments")
	eventually(t, "the message runs", func() bool { return r.Stats().Busy == 1 })
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, TopLevel: true, Err: kerr.UnknownMemberID, Count: 1})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.RebalanceInProgress, Count: 1})
	select {
	case <-told:
	case <-time.After(5 * time.Second): // a drain gives it 12 s
		t.Fatal("the handler runs on")
	}
	eventually(t, "the log says so", func() bool { return log.line("level=WARN", "partition lost") != "" })
	r.await(t, engine.Handled, 1) // it comes again
}

// TestACommitThatWaitsHoldsUpNoRevokedClaim: with a cooperative strategy the committer
// may wait for the next generation while a claim of the same session is revoked and has
// its own commit to make. Sarama has the new generation before it revokes, and the
// committer asks for it with each attempt, so neither waits for the other.
func TestACommitThatWaitsHoldsUpNoRevokedClaim(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	log := new(logBuffer)
	cfg := settings(t, c, "KAFKA_REBALANCE_STRATEGY", "cooperative-sticky", "KAFKA_HEARTBEAT_INTERVAL", "50ms", "COMMIT_INTERVAL", "10ms")
	first := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), succeed, "payments")
	eventually(t, "it has both partitions", func() bool { return first.Ready() == nil && first.Stats().Lanes == 2 })
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.IllegalGeneration, Count: -1})
	for p := range int32(2) {
		produce(t, c, p, envelopes(t, 0, 1)...)
	}
	eventually(t, "the committer waits", func() bool { return refused.Hits() > 0 })
	second := consume(t, cfg, succeed, "payments")
	eventually(t, "a claim is revoked", func() bool { return first.session.Load().sarama.GenerationID() > 1 })
	refused.Remove()
	eventually(t, "the second member has a partition", func() bool { return second.Stats().Lanes == 1 })
	if log.line("partition given back") == "" || log.line("work left") != "" {
		t.Errorf("the revoked claim has not committed:\n%s", log)
	}
}

// TestAnAddressThatIsNotKafkasIsNamed: EOF for ever says neither where nor why.
func TestAnAddressThatIsNotKafkasIsNamed(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	sasl := []string{"KAFKA_SASL_USERNAME", "u", "KAFKA_SASL_PASSWORD", "p", "KAFKA_SECURITY_PROTOCOL"}
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, c := range map[string]struct {
		address  string
		settings []string
	}{
		"plaintext to TLS":  {web.Listener.Addr().String(), []string{"KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"}},
		"TLS to plaintext":  {plain.Listener.Addr().String(), []string{"KAFKA_SECURITY_PROTOCOL", "SSL"}},
		"unknown authority": {web.Listener.Addr().String(), []string{"KAFKA_SECURITY_PROTOCOL", "SSL"}},
		"SASL to plaintext": {startCluster(t).ListenAddrs()[0], append(sasl, "SASL_PLAINTEXT")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, nil, append(c.settings, "KAFKA_BOOTSTRAP_SERVERS", c.address)...)
			r, log := consumeLogged(t, cfg)
			eventually(t, "not ready, and why", func() bool {
				return strings.Contains(r.Ready().Error(), "Kafka at "+c.address) && strings.Contains(r.Ready().Error(), "KAFKA_SECURITY_PROTOCOL="+cfg.SecurityProtocol)
			})
			if log.line("level=WARN", "not consuming, retrying", c.address) == "" {
				t.Errorf("the log does not say where:\n%s", log)
			}
			stopsWithin(t, r, time.Second)
		})
	}
}
