package kafka

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestPartitionsThatMoveInASessionAreLogged: with a cooperative strategy a session
// goes on while partitions come and go, and only its begin was logged. What another
// member has taken over is no work left when this one stops.
func TestPartitionsThatMoveInASessionAreLogged(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	for p := range int32(2) {
		produce(t, c, p, envelopes(t, 0, 1)...)
	}
	cfg := settings(t, c, "KAFKA_REBALANCE_STRATEGY", "cooperative-sticky", "KAFKA_HEARTBEAT_INTERVAL", "50ms", "DRAIN_TIMEOUT", "100ms")
	log, finish := new(logBuffer), make(chan struct{})
	first := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), func(context.Context, message.Of[payment]) error {
		<-finish
		return nil
	}, "payments")
	t.Cleanup(func() { close(finish) }) // before the consumer is stopped
	eventually(t, "both messages run", func() bool { return first.Stats().Busy == 2 })
	for _, partition := range []string{"partition=0", "partition=1"} {
		if log.line("level=INFO", "partition assigned", partition, "generation=") == "" {
			t.Errorf("the log does not say that %s was assigned", partition)
		}
	}
	second := consume(t, cfg, succeed, "payments")
	second.await(t, engine.Handled, 1)
	eventually(t, "the log says what was given back", func() bool {
		return log.line("partition given back with work left") != ""
	})
	if n := first.workLeft(); n != 0 {
		t.Errorf("%d partitions count as work left, though another member has them", n)
	}
}

// TestACommitWaitsUntilTheGroupHasRebalanced: with a cooperative strategy each
// rebalance refuses commits for a while, which is nothing to alarm anybody about.
func TestACommitWaitsUntilTheGroupHasRebalanced(t *testing.T) {
	t.Parallel()
	for _, refusal := range []*kerr.Error{kerr.IllegalGeneration, kerr.RebalanceInProgress} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(1))
			r, log := consumeLogged(t, settings(t, c, "KAFKA_REBALANCE_STRATEGY", "cooperative-sticky", "COMMIT_INTERVAL", "10ms"))
			eventually(t, "where it begins is committed", func() bool { return r.Ready() == nil && committed(t, c, 0) == 0 })
			refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: refusal, Count: 3})
			produce(t, c, 0, envelopes(t, 0, 5)...)
			r.await(t, engine.Handled, 5)
			eventually(t, "all is committed", func() bool { return committed(t, c, 0) == 5 })
			if refused.Hits() != 3 || log.line("commit failed") != "" {
				t.Errorf("%d commits were refused, want 3, and none of them in the log:\n%s", refused.Hits(), log)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestALostPartitionIsWorkLeft: nothing more of it is committed.
func TestALostPartitionIsWorkLeft(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	log := new(logBuffer)
	cfg := settings(t, c, "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(log, nil)), func(ctx context.Context, _ message.Of[payment]) error {
		<-ctx.Done()
		return ctx.Err()
	}, "payments")
	eventually(t, "the message runs", func() bool { return r.Stats().Busy == 1 })
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, TopLevel: true, Err: kerr.GroupAuthorizationFailed, Count: -1})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID, Count: 1})
	eventually(t, "the partition is lost", func() bool { return log.line("level=WARN", "partition lost") != "" })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if log.line("level=WARN", "stopped with work left", "partitions=[payments/0]") == "" {
		t.Errorf("the log does not say that work is left:\n%s", log)
	}
}

// TestClaimsThatEndTogetherCommitTogether: where a commit takes its time, one after
// the other would take longer than the drain.
func TestClaimsThatEndTogetherCommitTogether(t *testing.T) {
	t.Parallel()
	const n = 40
	c := startCluster(t, topicOf(n))
	for p := range int32(n) {
		produce(t, c, p, envelopes(t, 0, 1)...)
	}
	r := consume(t, settings(t, c, "COMMIT_INTERVAL", "1m"), succeed, "payments")
	r.await(t, engine.Handled, n)
	var requests atomic.Int32
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		requests.Add(1)
		c.SleepControl(func() { time.Sleep(50 * time.Millisecond) }) // a slow broker
		return nil, nil, false
	})
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for p := range int32(n) {
		if got := committed(t, c, p); got != 1 {
			t.Errorf("partition %d is committed up to %d, want 1", p, got)
		}
	}
	if got := requests.Load(); got > n/4 {
		t.Errorf("%d commits for %d claims that end together", got, n)
	}
}

// TestWhatNoAttemptCanCommitIsNotRepeated: the group has forgotten a member whose
// session a rebalance ended.
func TestWhatNoAttemptCanCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 2)...)
	var log logBuffer
	cfg := settings(t, c, "COMMIT_INTERVAL", "1m", "KAFKA_HEARTBEAT_INTERVAL", "50ms", "DRAIN_TIMEOUT", "20s")
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(&log, nil)), succeed, "payments")
	r.await(t, engine.Handled, 2)
	commits := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownMemberID, Count: -1})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.RebalanceInProgress, Count: 1})
	eventually(t, "the claim ends", func() bool { return log.line("partition given back with work left") != "" })
	if got := commits.Hits(); got > 2 {
		t.Errorf("%d commits were refused, want no more after the first", got)
	}
}

// TestWhereAClaimBeginsIsCommitted: otherwise a group that begins at the end would lose
// what it was handling when it crashed.
func TestWhereAClaimBeginsIsCommitted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	runs, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "COMMIT_INTERVAL", "1m")
	r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
		close(runs)
		<-release
		return nil
	}, "payments")
	eventually(t, "the partition is read", func() bool {
		s := r.session.Load()
		return s != nil && len(liveClaims(s)) == 1
	})
	produce(t, c, 0, envelopes(t, 3, 4)...)
	select {
	case <-runs:
	case <-time.After(20 * time.Second):
		t.Fatal("the message is not handled")
	}
	if got := committed(t, c, 0); got != 3 {
		t.Errorf("committed up to %d while the first message runs, want 3", got)
	}
}

type endingSession struct {
	sarama.ConsumerGroupSession
	ctx context.Context
}

func (s endingSession) Context() context.Context { return s.ctx }

type partitionZero struct{ sarama.ConsumerGroupClaim }

func (partitionZero) Topic() string        { return "payments" }
func (partitionZero) Partition() int32     { return 0 }
func (partitionZero) InitialOffset() int64 { return -1 }

// TestNoClaimBeginsWhileTheServiceStops: who waits for the claims that there are would
// not wait for it.
func TestNoClaimBeginsWhileTheServiceStops(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	s := &session{sarama: endingSession{ctx: ctx}, claims: map[place]*claim{}}
	at := place{"payments", 0}
	s.claims[at] = newClaim(s, at, -1)
	c := s.beginClaim(partitionZero{})
	if c == nil {
		t.Fatal("no claim begins in a session")
	}
	end()
	if s.beginClaim(partitionZero{}) != nil || len(liveClaims(s)) != 1 {
		t.Errorf("%d claims after the session's end, want the one from before", len(liveClaims(s)))
	}
	s.removeClaim(c)
	s.active.Wait()
}
