package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestWhatTheCommitterBelievesDuringADrainIsCommitted: the engine's committer
// goes on while all claims drain. If it were told that nothing was left to
// commit, the drain would believe that its last marks are committed too.
func TestWhatTheCommitterBelievesDuringADrainIsCommitted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 2)...)
	finish, giveUp := make(chan struct{}), make(chan struct{})
	r := consume(t, settings(t, c, "COMMIT_INTERVAL", "10ms"), func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 {
			<-finish
			return nil
		}
		<-giveUp
		return message.Retry(errors.New("not today"))
	}, "payments")
	eventually(t, "both messages run", func() bool { return r.Stats().Busy == 2 })
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, "the consumer drains", func() bool { return drains(r) })
	close(finish)
	eventually(t, "the engine believes that the first message is committed", func() bool { return r.Stats().Window == 1 })
	close(giveUp)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got := committed(t, c, 0); got != 1 {
		t.Errorf("committed %d, want 1", got)
	}
}

// TestARefusedCommitAtTheEndOfAClaimIsRepeated: nobody else would commit its marks.
func TestARefusedCommitAtTheEndOfAClaimIsRepeated(t *testing.T) {
	t.Parallel()
	for _, refusal := range []*kerr.Error{kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.UnknownServerError} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			refuseCommits(t, startCluster(t, topicOf(1)), refusal)
		})
	}
}

// TestMarksBelowWhatIsCommittedAreCommitted: after a jump back to lower offsets the
// group still has the higher one.
func TestMarksBelowWhatIsCommittedAreCommitted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	commitAt(t, c, 1000)
	refuseCommits(t, c, kerr.RebalanceInProgress)
}

// refuseCommits fails unless a consumer that ends has its five messages committed
// although the coordinator refuses the first three commits.
func refuseCommits(t *testing.T, c *kfake.Cluster, refusal *kerr.Error) {
	t.Helper()
	produce(t, c, 0, envelopes(t, 0, 5)...)
	r := consume(t, settings(t, c, "COMMIT_INTERVAL", "1m"), succeed, "payments")
	r.await(t, engine.Handled, 5)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: refusal, Count: 3})
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if got := committed(t, c, 0); got != 5 {
		t.Errorf("committed %d, want 5", got)
	}
}

// TestBetweenSessionsNothingIsCommittedAndNobodyAlarmed: nil would say that
// marks are durable, and any error but a cancellation is a warning in the log.
func TestBetweenSessionsNothingIsCommittedAndNobodyAlarmed(t *testing.T) {
	t.Parallel()
	if err := new(Consumer).commit(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("a commit without a session says %v, want a cancellation", err)
	}
}

// TestAMemberThatTheGroupHasForgottenCommitsNothing: another member has its
// partitions, so its commits would be refused until the drain's time is over.
func TestAMemberThatTheGroupHasForgottenCommitsNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 2)...)
	var log logBuffer
	var first atomic.Bool
	toldToStop := make(chan struct{})
	cfg := settings(t, c, "COMMIT_INTERVAL", "1m", "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	r := consumeLogging(t, cfg, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 || first.Swap(true) {
			return nil
		}
		<-ctx.Done()
		close(toldToStop)
		return ctx.Err()
	}, "payments")
	r.await(t, engine.Handled, 1)
	eventually(t, "the other message runs", first.Load)
	commits := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID, Count: 1})
	<-toldToStop
	eventually(t, "the log says so", func() bool { return log.line("level=WARN", "partition lost", "partition=0") != "" })
	if n := commits.Hits(); n != 0 {
		t.Errorf("%d commits of a member that is none any more", n)
	}
	r.await(t, engine.Handled, 3) // both come again
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if got := committed(t, c, 0); got != 2 {
		t.Errorf("committed %d, want 2", got)
	}
}
