package kafka

import (
	"context"
	"errors"
	"fmt"
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

// What the client does by itself has cost others their messages. Each of these
// tests stands for one such trap.

func stable(t *testing.T, c *kfake.Cluster, members int) *kfake.GroupInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	g, err := c.WaitGroupStable(ctx, "tests", members)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// handledPlaces returns which messages a consumer handled.
func handledPlaces(consumers ...*running) map[string]int {
	places := map[string]int{}
	for _, r := range consumers {
		r.seen.mu.Lock()
		for i, e := range r.events {
			if e.Kind == engine.Handled {
				places[r.places[i]]++
			}
		}
		r.seen.mu.Unlock()
	}
	return places
}

// TestARebalanceLosesNothing: Consume returns nil at every rebalance, and what
// was not committed before the claims ended is discarded.
func TestARebalanceLosesNothing(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky", "range", "roundrobin"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			rebalance(t, strategy)
		})
	}
}

func rebalance(t *testing.T, strategy string) {
	c := startCluster(t, topicOf(4))
	cfg := settings(t, c, "KAFKA_REBALANCE_STRATEGY", strategy, "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	each := func(values [][]byte) {
		for p := range int32(4) {
			produce(t, c, p, values...)
		}
	}
	first := consume(t, cfg, succeed, "payments")
	each(envelopes(t, 0, 10))
	first.await(t, engine.Handled, 40)

	second := consume(t, cfg, succeed, "payments")
	stable(t, c, 2)
	eventually(t, "the second member has partitions", func() bool { return second.Stats().Lanes == 2 })
	each(envelopes(t, 10, 20))
	eventually(t, "all is handled", func() bool { return len(handledPlaces(first, second)) == 80 })

	if err := first.stop(); err != nil {
		t.Error(err)
	}
	eventually(t, "the second member has all partitions", func() bool { return second.Stats().Lanes == 4 })
	each(envelopes(t, 20, 25))
	eventually(t, "all is handled", func() bool { return len(handledPlaces(first, second)) == 100 })
	if err := second.stop(); err != nil {
		t.Error(err)
	}
	for p := range int32(4) {
		if got := committed(t, c, p); got != 25 {
			t.Errorf("partition %d is committed at %d, want 25", p, got)
		}
	}
	for place, n := range handledPlaces(first, second) {
		if n != 1 {
			t.Errorf("%s was handled %d times although every claim ended in good order", place, n)
		}
	}
}

// TestABadMessageEndsNoSession: a ConsumeClaim that returns ends the session of
// all partitions.
func TestABadMessageEndsNoSession(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	r := consume(t, settings(t, c), succeed, "payments")
	before := stable(t, c, 1).Epoch
	produce(t, c, 0, []byte("bad"), []byte("worse"))
	produce(t, c, 1, envelopes(t, 0, 3)...)
	r.await(t, engine.DeadLettered, 2)
	r.await(t, engine.Handled, 3)
	if after := stable(t, c, 1).Epoch; after != before {
		t.Errorf("generation %d after bad messages, was %d", after, before)
	}
}

// TestCommitsAreNotInTheProcessingPath: a commit waits behind a fetch without
// data, and Kafka 4 takes 5 ms for each.
func TestCommitsAreNotInTheProcessingPath(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	r := consume(t, settings(t, c, "COMMIT_INTERVAL", "1m"), succeed, "payments")
	stable(t, c, 1)
	eventually(t, "it consumes, and has committed where it begins", func() bool { return r.Ready() == nil && committed(t, c, 0) == 0 })
	seen := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Count: -1, Observe: true})
	produce(t, c, 0, envelopes(t, 0, 100)...)
	r.await(t, engine.Handled, 100)
	if n := seen.Hits(); n != 0 {
		t.Errorf("%d commits for 100 messages within the interval, want 0", n)
	}
}

// TestMarksCountAfterAnOffsetOutOfRange: MarkOffset only moves up, so after a
// jump back every mark would be ignored for ever.
func TestMarksCountAfterAnOffsetOutOfRange(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 5)...)
	commitAt(t, c, 1000)
	r := consume(t, settings(t, c), succeed, "payments")
	r.await(t, engine.Handled, 5)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if got := committed(t, c, 0); got != 5 {
		t.Errorf("committed %d, want 5", got)
	}
}

// TestASlowPartitionStarvesNoOther: all partitions of a broker share one fetch
// loop, which waits until each partition's buffer is taken.
func TestASlowPartitionStarvesNoOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	cfg := settings(t, c, "MAX_POLL_RECORDS", "300", "MAX_WORKERS", "4")
	release := make(chan struct{})
	r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		if m.Partition == 0 {
			select {
			case <-release:
			case <-time.After(20 * time.Millisecond): // what a message takes there
			}
		}
		return nil
	}, "payments")
	slow := envelopes(t, 0, 20_000) // more than the queue and some fetches hold
	for i := range slow {
		slow[i] = append(slow[i], strings.Repeat(" ", 1000)...)
	}
	produce(t, c, 0, slow...)
	eventually(t, "the slow partition is paused", func() bool { return r.Stats().Paused == 1 })
	for i := range 20 { // fetches, each of which would bring some 900 of the slow partition
		produce(t, c, 1, envelopes(t, 20*i, 20*i+20)...)
		eventually(t, "the fast partition goes on", func() bool { return r.handledOf(1) == 20*(i+1) })
	}
	if n := r.Stats().Records; n > 10_000 {
		t.Errorf("%d messages were taken although the partition is paused above 300", n)
	}
	close(release)
	r.await(t, engine.Handled, 11_000) // more than was taken before
	eventually(t, "nothing is paused", func() bool { return r.Stats().Paused == 0 })
}

// TestAPauseEndsWithItsClaim: sarama keeps a pause over a reassignment.
func TestAPauseEndsWithItsClaim(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	cfg := settings(t, c, "MAX_POLL_RECORDS", "10", "KAFKA_HEARTBEAT_INTERVAL", "50ms", "DRAIN_TIMEOUT", "200ms")
	released := make(chan struct{})
	first := consume(t, cfg, func(ctx context.Context, _ message.Of[payment]) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-released: // perhaps it keeps its partition
			return nil
		}
	}, "payments")
	produce(t, c, 0, envelopes(t, 0, 50)...)
	eventually(t, "the partition is paused", func() bool { return first.Stats().Paused == 1 })
	generation := stable(t, c, 1).Epoch
	second := consume(t, cfg, succeed, "payments")
	eventually(t, "the group rebalanced", func() bool { return stable(t, c, 2).Epoch > generation })
	close(released)
	eventually(t, "all is handled", func() bool { return len(handledPlaces(first, second)) == 50 })
}

// TestADuplicateInstanceIDIsFencedAndSaysSo: with static membership a second
// process of the same id throws the first one out.
func TestADuplicateInstanceIDIsFencedAndSaysSo(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	cfg := settings(t, c, "KAFKA_GROUP_INSTANCE_ID", "payments-0", "KAFKA_HEARTBEAT_INTERVAL", "50ms")
	first := consume(t, cfg, succeed, "payments")
	stable(t, c, 1)
	eventually(t, "the first consumes", func() bool { return first.Ready() == nil })
	_ = consume(t, cfg, succeed, "payments")
	eventually(t, "the first is thrown out", func() bool { return errors.Is(first.Ready(), errStopped) })
	if err := first.stop(); err == nil || !strings.Contains(err.Error(), "KAFKA_GROUP_INSTANCE_ID") {
		t.Errorf("ended with %v, want the setting's name", err)
	}
}

// TestTheConsumeLoopBacksOff: with an error that comes at once, Consume returned
// 10,685 times in 5 s.
func TestTheConsumeLoopBacksOff(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	joins := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, TopLevel: true, Err: kerr.GroupAuthorizationFailed, Count: -1})
	r := consume(t, settings(t, c), succeed, "payments")
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(strings.ToLower(err.Error()), "authorized") && strings.Contains(err.Error(), `group "tests"`)
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	<-ctx.Done()
	if n := joins.Hits(); n > 20 {
		t.Errorf("joined %d times in a second, want few", n)
	}
	joins.Remove()
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 1)
}

// TestKeysKeepTheirOrderThroughTheClient: what the engine keeps in order must
// have come in order.
func TestKeysKeepTheirOrderThroughTheClient(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(3))
	for p := range int32(3) {
		for round := range 5 {
			produce(t, c, p, envelopes(t, round*20, round*20+20)...) // the keys 0 to 19, five times
		}
	}
	var wrong atomic.Pointer[string]
	var last [3][20]atomic.Int64
	r := consume(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error {
		var key int
		_, _ = fmt.Sscan(string(m.Key), &key)
		if before := last[m.Partition][key].Swap(m.Offset + 1); before > m.Offset {
			s := fmt.Sprintf("partition %d key %d: %d after %d", m.Partition, key, m.Offset, before-1)
			wrong.Store(&s)
		}
		return nil
	}, "payments")
	r.await(t, engine.Handled, 300)
	if s := wrong.Load(); s != nil {
		t.Error(*s)
	}
}

// TestACoordinatorThatIsGoneIsLookedForAgain: a connection that breaks while
// joining makes sarama join again where it did, though the group has moved.
func TestACoordinatorThatIsGoneIsLookedForAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	var joins, looked atomic.Int64 // looked: since the last join
	c.ControlKey(int16(kmsg.FindCoordinator), func(kmsg.Request) (kmsg.Response, error, bool) {
		looked.Add(1)
		return nil, nil, false
	})
	stale := make(chan int64, 1)
	c.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		n := looked.Swap(0)
		switch joins.Add(1) {
		case 1:
			c.KeepControl()
			return nil, errors.New("the broker is gone"), true
		case 2:
			stale <- n
		}
		return nil, nil, false
	})
	consume(t, settings(t, c), succeed, "payments")
	stable(t, c, 1)
	if n := <-stale; n == 0 {
		t.Error("joined again without looking for the coordinator")
	}
}

// TestAJoinThatWaitsForAnotherMemberSaysSo: it may take as long as that member's
// session.
func TestAJoinThatWaitsForAnotherMemberSaysSo(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	_, release := holdKind(t, c, kmsg.JoinGroup)
	r := consume(t, settings(t, c), succeed, "payments")
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && err.Error() == "joining the group: another member's session may have to end first, at most 20s"
	})
	release()
	eventually(t, "it consumes", func() bool { return r.Ready() == nil })
}
