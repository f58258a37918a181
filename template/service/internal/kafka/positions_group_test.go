package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func textLog(log *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(log, nil)) }

// bodies notes which messages were handled.
type bodies struct {
	mu   sync.Mutex
	seen map[int]int
}

func (b *bodies) handle(_ context.Context, m message.Of[payment]) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = map[int]int{}
	}
	b.seen[m.Body.N]++
	return nil
}

// missing returns which of the messages from to to-1 were not handled.
func (b *bodies) missing(from, to int) (missing []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := from; n < to; n++ {
		if b.seen[n] == 0 {
			missing = append(missing, n)
		}
	}
	return missing
}

// TestLatestLosesNothingThatComesWhileTheGroupExists: what comes from the moment on at
// which the service is ready, is handled, whatever becomes of the service then.
func TestLatestLosesNothingThatComesWhileTheGroupExists(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c, b := startCluster(t, topicOf(2)), new(bodies)
			cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "COMMIT_INTERVAL", "1m", "KAFKA_REBALANCE_STRATEGY", strategy)
			produce(t, c, 0, envelopes(t, 0, 3)...)
			produce(t, c, 1, envelopes(t, 3, 6)...)
			r := consume(t, cfg, b.handle, "payments")
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			for p, want := range []int64{3, 3} {
				if got := committed(t, c, int32(p)); got != want {
					t.Errorf("partition %d begins at %d, want %d", p, got, want)
				}
			}
			produce(t, c, 0, envelopes(t, 6, 8)...)
			r.await(t, engine.Handled, 2)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			produce(t, c, 0, envelopes(t, 8, 10)...)
			produce(t, c, 1, envelopes(t, 10, 12)...) // nothing of this partition was handled before
			second := consume(t, cfg, b.handle, "payments")
			second.await(t, engine.Handled, 4)
			if missing := b.missing(6, 12); len(missing) > 0 || len(b.missing(0, 6)) != 6 {
				t.Errorf("not handled %v; of the first six, which came before the group, %v", missing, b.missing(0, 6))
			}
		})
	}
}

// TestLatestLosesNothingOfWhatWaitsAtTheStop: the service stops in good order before the
// first message is done.
func TestLatestLosesNothingOfWhatWaitsAtTheStop(t *testing.T) {
	t.Parallel()
	c, b := startCluster(t, topicOf(1)), new(bodies)
	cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "COMMIT_INTERVAL", "50ms")
	first := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 {
			return message.Unavailable(errors.New("database away"))
		}
		return b.handle(ctx, m)
	}, "payments")
	eventually(t, "ready", func() bool { return first.Ready() == nil })
	produce(t, c, 0, envelopes(t, 0, 10)...)
	first.await(t, engine.Handled, 9)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := consume(t, cfg, b.handle, "payments")
	eventually(t, "the first message is handled", func() bool { return len(b.missing(0, 10)) == 0 })
	_ = second
}

// TestLatestBeginsWhereItBeganWhenTheJoinIsRepeated: without the commit nothing is read,
// and what comes meanwhile is the group's.
func TestLatestBeginsWhereItBeganWhenTheJoinIsRepeated(t *testing.T) {
	t.Parallel()
	c, b := startCluster(t, topicOf(1)), new(bodies)
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownServerError, Count: -1})
	cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest")
	r := consume(t, cfg, b.handle, "payments")
	eventually(t, "it is refused twice", func() bool { return refused.Hits() > 1 })
	if r.Ready() == nil {
		t.Error("ready although nobody knows where it begins")
	}
	produce(t, c, 0, envelopes(t, 0, 2)...)
	refused.Remove()
	eventually(t, "ready", func() bool { return r.Ready() == nil })
	produce(t, c, 0, envelopes(t, 2, 4)...)
	eventually(t, "all that came is handled", func() bool { return len(b.missing(0, 4)) == 0 })
}

// TestTwoMembersThatBeginAtTheEndPassOverTheSame: what one has committed makes the topic
// no old one for the other.
func TestTwoMembersThatBeginAtTheEndPassOverTheSame(t *testing.T) {
	t.Parallel()
	c, b := startCluster(t, topicOf(4)), new(bodies)
	for p := range int32(4) {
		produce(t, c, p, envelopes(t, int(p)*10, int(p)*10+10)...)
	}
	cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	first, second := consume(t, cfg, b.handle, "payments"), consume(t, cfg, b.handle, "payments")
	eventually(t, "both have partitions", func() bool { return first.Stats().Lanes == 2 && second.Stats().Lanes == 2 })
	for p := range int32(4) {
		produce(t, c, p, envelopes(t, 100+int(p), 101+int(p))...)
	}
	eventually(t, "the new ones are handled", func() bool { return len(b.missing(100, 104)) == 0 })
	if old := 40 - len(b.missing(0, 40)); old > 0 {
		t.Errorf("%d messages were handled that came before the group", old)
	}
}

// TestAPartitionThatAppearsLaterIsReadFromItsStart whatever the policy.
func TestAPartitionThatAppearsLaterIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c, b := startCluster(t, topicOf(1)), new(bodies)
			produce(t, c, 0, envelopes(t, 0, 1)...)
			cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "KAFKA_REBALANCE_STRATEGY", strategy)
			r := consume(t, cfg, b.handle, "payments")
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if _, err := kadm.NewClient(newClient(t, c)).CreatePartitions(t.Context(), 1, "payments"); err != nil {
				t.Fatal(err)
			}
			produce(t, c, 1, envelopes(t, 10, 15)...)
			eventually(t, "the new partition's messages are handled", func() bool { return len(b.missing(10, 15)) == 0 })
			if err := r.stop(); err != nil { // another appears while nobody is there
				t.Error(err)
			}
			if _, err := kadm.NewClient(newClient(t, c)).CreatePartitions(t.Context(), 1, "payments"); err != nil {
				t.Fatal(err)
			}
			produce(t, c, 2, envelopes(t, 20, 22)...)
			consume(t, cfg, b.handle, "payments")
			eventually(t, "the other new partition's messages are handled", func() bool { return len(b.missing(20, 22)) == 0 })
			if len(b.missing(0, 1)) != 1 {
				t.Error("a message was handled that came before the group")
			}
		})
	}
}

// remake deletes payments and makes it anew with n messages.
func remake(t *testing.T, c *kfake.Cluster, values ...[]byte) {
	t.Helper()
	if err := c.DeleteTopic("payments"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic("payments", 1, nil); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, values...)
}

// TestATopicMadeAnewIsReadFromItsStart: the offset that the group had lies in the middle
// of the new log, and it happens between two fetches, so that no broker refuses one.
func TestATopicMadeAnewIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"earliest", "latest"} {
		for _, strategy := range []string{"sticky", "cooperative-sticky"} {
			t.Run(policy+", "+strategy, func(t *testing.T) {
				t.Parallel()
				c, b := startCluster(t, kfake.SeedTopics(1, "payments", "refunds")), new(bodies)
				cfg := settings(t, c, "KAFKA_AUTO_OFFSET_RESET", policy, "KAFKA_REBALANCE_STRATEGY", strategy)
				registry, log := newRegistry(), new(logBuffer)
				message.Register(registry, "payments", message.TypedHandlerFunc[payment](b.handle))
				message.Register(registry, "refunds", message.TypedHandlerFunc[payment](b.handle))
				r := consumeWith(t, cfg, textLog(log), registry)
				eventually(t, "ready", func() bool { return r.Ready() == nil })
				produce(t, c, 0, envelopes(t, 0, 60)...)
				eventually(t, "all are handled and committed", func() bool { return len(b.missing(0, 60)) == 0 && committed(t, c, 0) == 60 })
				held, release := holdKind(t, c, kmsg.Fetch)
				<-held
				remake(t, c, envelopes(t, 1000, 1500)...)
				release()
				eventually(t, "all of the new topic is handled", func() bool { return len(b.missing(1000, 1500)) == 0 })
				eventually(t, "it is committed", func() bool { return committed(t, c, 0) == 500 })
				if log.line("level=ERROR", "deleted and made anew", "topic=payments") == "" {
					t.Errorf("the log does not say so:\n%s", log)
				}
				eventually(t, "ready", func() bool { return r.Ready() == nil })
			})
		}
	}
}

// TestAnOffsetOfATopicThatIsGoneDoesNotCount: a member that did not know better has
// committed it after the topic was made anew, and nobody was there to notice.
func TestAnOffsetOfATopicThatIsGoneDoesNotCount(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c, b, log := startCluster(t, topicOf(1)), new(bodies), new(logBuffer)
			produce(t, c, 0, envelopes(t, 0, 10)...)
			commitOf(t, c, 6, topicIDPrefix+kadm.TopicID{1}.String())
			r := consumeLogging(t, settings(t, c, "KAFKA_REBALANCE_STRATEGY", strategy), textLog(log), b.handle, "payments")
			eventually(t, "all are handled", func() bool { return len(b.missing(0, 10)) == 0 })
			if log.line("level=ERROR", "made anew", "partition=0", "committed=6") == "" {
				t.Errorf("the log does not say so:\n%s", log)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			offsets, err := fetchOffsets(t.Context(), connectAdmin(t, c), "tests")
			if o, ok := offsets.Lookup("payments", 0); err != nil || !ok || o.Metadata != topicIDPrefix+kadm.TopicID(c.TopicInfo("payments").TopicID).String() {
				t.Errorf("committed with %q, %v", o.Metadata, err)
			}
			log = new(logBuffer)
			again := consumeLogging(t, settings(t, c), textLog(log), b.handle, "payments")
			eventually(t, "ready", func() bool { return again.Ready() == nil })
			if log.line("made anew") != "" {
				t.Errorf("its own offset does not count either:\n%s", log)
			}
		})
	}
}

// TestWhatAnotherProgramCommittedCounts, whatever it wrote beside the offset.
func TestWhatAnotherProgramCommittedCounts(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{"", "host-17"} {
		c, b := startCluster(t, topicOf(1)), new(bodies)
		produce(t, c, 0, envelopes(t, 0, 10)...)
		commitOf(t, c, 6, metadata)
		consume(t, settings(t, c), b.handle, "payments")
		eventually(t, "the rest is handled", func() bool { return len(b.missing(6, 10)) == 0 })
		if len(b.missing(0, 6)) != 6 {
			t.Errorf("with %q beside the offset, what came before it was handled again", metadata)
		}
	}
}

// TestAnOffsetOutOfRangeLeadsToTheStart, with latest too: what is there came while the
// group existed.
func TestAnOffsetOutOfRangeLeadsToTheStart(t *testing.T) {
	t.Parallel()
	c, b := startCluster(t, topicOf(1)), new(bodies)
	produce(t, c, 0, envelopes(t, 0, 10)...)
	commitOf(t, c, 4, "")
	if err := c.DeleteRecords("payments", 0, 6); err != nil {
		t.Fatal(err)
	}
	consume(t, settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest"), b.handle, "payments")
	eventually(t, "what is left is handled", func() bool { return len(b.missing(6, 10)) == 0 })
}

// commitOf commits an offset of payments for the tests' group, as another program.
func commitOf(t *testing.T, c *kfake.Cluster, offset int64, metadata string) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "payments", Partition: 0, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if err := kadm.NewClient(newClient(t, c)).CommitAllOffsets(t.Context(), "tests", offsets); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsRefusedAtTheBeginIsNoEnd: the group has forgotten the member that has just
// joined, or a topic is gone that was there when it did.
func TestWhatIsRefusedAtTheBeginIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, refusal := range []*kerr.Error{kerr.UnknownMemberID, kerr.UnknownTopicOrPartition, kerr.IllegalGeneration} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(1))
			refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: refusal, Count: 1})
			produce(t, c, 0, envelopes(t, 0, 1)...)
			r := consume(t, settings(t, c), succeed, "payments")
			r.await(t, engine.Handled, 1)
			if refused.Hits() != 1 {
				t.Error("nothing was refused")
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}
