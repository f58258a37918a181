package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// shortLock has the broker take a message back after two seconds.
var shortLock = kfake.BrokerConfigs(map[string]string{"group.share.record.lock.duration.ms": "2000", "share.record.lock.sweep.interval.ms": "100"})

// times counts how often each payment was handled.
type times struct {
	mu     sync.Mutex
	counts map[int]int
}

func (h *times) add(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.counts == nil {
		h.counts = map[int]int{}
	}
	h.counts[n]++
}

// notOnce returns the payments that were not handled once.
func (h *times) notOnce(from, to int) (wrong []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := from; n < to; n++ {
		if h.counts[n] != 1 {
			wrong = append(wrong, fmt.Sprintf("%d: %d times", n, h.counts[n]))
		}
	}
	return wrong
}

func TestAShareGroupHandlesAndDeadLettersAll(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(3))
	values := envelopes(t, 0, 30)
	values[7] = []byte("not an envelope")
	for p := range int32(3) {
		produce(t, c, p, values...)
	}
	r := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error {
		if m.Body.N == 20 {
			return message.Permanent(errors.New("twenty is too much"))
		}
		return nil
	})
	r.await(t, engine.Handled, 84)
	r.await(t, engine.DeadLettered, 6)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	readAll(t, c, "payments.dlq", 6)
	again := share(t, settings(t, c), succeed)
	produce(t, c, 0, envelopes(t, 30, 31)...)
	again.await(t, engine.Handled, 1)
	again.mu.Lock()
	defer again.mu.Unlock()
	if want := []string{"payments/0@30"}; !slices.Equal(again.places, want) {
		t.Errorf("delivered again: %v, want %v", again.places, want)
	}
}

// The client would accept with each poll what came with the one before.
func TestWhatIsNotDoneIsNotAccepted(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(1)), make(chan struct{})
	produce(t, c, 0, envelopes(t, 0, 3)...)
	first := share(t, settings(t, c, "ORDERING", "none", "DRAIN_TIMEOUT", "100ms"), func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 {
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	first.await(t, engine.Handled, 2)
	for n := 3; n < 8; n++ { // each is a poll of its own
		produce(t, c, 0, envelopes(t, n, n+1)...)
		first.await(t, engine.Handled, n)
	}
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	second := share(t, settings(t, c), succeed)
	second.await(t, engine.Handled, 1)
	second.mu.Lock()
	defer second.mu.Unlock()
	if want := []string{"payments/0@0"}; !slices.Equal(second.places, want) {
		t.Errorf("delivered to the next: %v, want %v", second.places, want)
	}
}

func TestALockIsRenewedWhileItsMessageWaits(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(1), shortLock), make(chan struct{})
	var renewals atomic.Int64 // else a lock that is over leads to whom the broker likes
	c.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if renews(request) {
			renewals.Add(1)
		}
		return nil, nil, false
	})
	produce(t, c, 0, envelopes(t, 0, 5)...)
	var handled times
	first := share(t, settings(t, c, "ORDERING", "none"), func(_ context.Context, m message.Of[payment]) error {
		handled.add(m.Body.N)
		if m.Body.N == 0 {
			<-gate
		}
		return nil
	})
	first.await(t, engine.Handled, 4)
	second := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error { handled.add(m.Body.N); return nil })
	eventually(t, "the second consumes", func() bool { return second.Ready() == nil })
	began := time.Now()
	eventually(t, "the lock would be over", func() bool { return time.Since(began) > 5*time.Second })
	if n := renewals.Load(); n < 3 {
		t.Errorf("renewed %d times in 5 s, want each 667 ms", n)
	}
	close(gate)
	first.await(t, engine.Handled, 5)
	if err := first.commit(t.Context()); err != nil {
		t.Errorf("what was done late is refused: %v", err)
	}
	if wrong := handled.notOnce(0, 5); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
}

// renews reports whether a request renews locks.
func renews(request kmsg.Request) bool {
	var types []int8
	switch r := request.(type) {
	case *kmsg.ShareFetchRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				for _, b := range p.AcknowledgementBatches {
					types = append(types, b.AcknowledgeTypes...)
				}
			}
		}
	case *kmsg.ShareAcknowledgeRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				for _, b := range p.AcknowledgementBatches {
					types = append(types, b.AcknowledgeTypes...)
				}
			}
		}
	}
	return slices.Contains(types, int8(kgo.AckRenew))
}

// takes is how a handler tells that it was called, and waits.
type takes struct {
	times
	gate chan struct{}
	of   int // the payment that waits for the gate
}

func (h *takes) handle(ctx context.Context, m message.Of[payment]) error {
	h.add(m.Body.N)
	if m.Body.N == h.of {
		select {
		case <-h.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// A lock that could not be renewed is lost, and its message comes again, here perhaps.
func TestAMessageThatRunsIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	c, h := startCluster(t, topicOf(1), shortLock), takes{gate: make(chan struct{})}
	produce(t, c, 0, envelopes(t, 0, 1)...)
	lost := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ShareAcknowledge}, Err: kerr.InvalidRecordState, Count: -1})
	r := share(t, settings(t, c), h.handle)
	eventually(t, "it comes again", func() bool {
		s := r.session.Load()
		return s != nil && s.deliveries(&message.Message{Topic: "payments"}) > 1
	})
	lost.Remove()
	close(h.gate)
	r.await(t, engine.Handled, 1)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if wrong := h.notOnce(0, 1); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
	again := share(t, settings(t, c), h.handle)
	produce(t, c, 0, envelopes(t, 1, 2)...)
	again.await(t, engine.Handled, 1)
	if wrong := h.notOnce(0, 2); wrong != nil {
		t.Errorf("what was done with the second lock is not accepted: %v", wrong)
	}
}

// Each end of a connection is a delivery to whoever holds messages.
func TestNothingIsLostOverCutConnections(t *testing.T) {
	t.Parallel()
	const messages, cuts = 200, 10
	var network accepted
	c := startCluster(t, topicOf(2), shortLock, kfake.ListenFn(network.listen))
	var h times
	r := share(t, settings(t, c, "MAX_WORKERS", "4"), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	for n := range cuts {
		for p := range int32(2) {
			from := n*messages/cuts + int(p)*messages/cuts/2
			produceAnew(t, c, p, envelopes(t, from, from+messages/cuts/2)...)
		}
		eventually(t, "some are handled", func() bool { return r.handledOf(0)+r.handledOf(1) > n*messages/cuts })
		network.cut()
	}
	eventually(t, "all are handled or dead letters", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(h.counts)+r.counts[engine.DeadLettered] >= messages
	})
	eventually(t, "no lag", func() bool { return lagOf(t, c) == 0 })
}

// lagOf returns how many messages the tests' group has not done, -1 if that is not known.
func lagOf(t *testing.T, c *kfake.Cluster) (sum int64) {
	t.Helper()
	client := newClient(t, c)
	defer client.Close()
	cfg := settings(t, c)
	lags, err := shareLags(t.Context(), client, cfg, []string{"payments"})
	if err != nil || len(lags) == 0 {
		return -1
	}
	for _, l := range lags {
		sum += l.lag
	}
	return sum
}

// produceAnew is produce over a network that breaks.
func produceAnew(t *testing.T, c *kfake.Cluster, partition int32, values ...[]byte) {
	t.Helper()
	client := newClient(t, c)
	defer client.Close()
	for _, v := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments", Partition: partition, Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// The group would drop the message if its handler ended the process once more.
func TestTheLastDeliveryIsADeadLetter(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1), kfake.BrokerConfigs(map[string]string{"group.share.delivery.count.limit": "3"}))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	var h times
	for range 2 { // the embedded broker counts what a member gives back
		r := share(t, settings(t, c, "DRAIN_TIMEOUT", "20ms"), func(ctx context.Context, m message.Of[payment]) error {
			h.add(m.Body.N)
			<-ctx.Done()
			return ctx.Err()
		})
		eventually(t, "it runs", func() bool { return r.Stats().Busy == 1 })
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	r := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	r.await(t, engine.DeadLettered, 1)
	if letter := readAll(t, c, "payments.dlq", 1)[0]; !strings.Contains(string(letter.Value), "delivered 3 times and never done") {
		t.Errorf("the dead letter does not say why: %s", letter.Value)
	}
	if n := h.counts[0]; n != 2 {
		t.Errorf("its handler was called %d times, want 2", n)
	}
}

func TestADeadLetterIsAcknowledgedBeforeItsMessageIsAccepted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 1)...)
	arrived, release := hold(t, c)
	r := share(t, settings(t, c, "DRAIN_TIMEOUT", "50ms"), func(context.Context, message.Of[payment]) error {
		return message.Permanent(errors.New("broken"))
	})
	<-arrived
	if err := r.commit(t.Context()); err != nil {
		t.Error(err)
	}
	if lag := lagOf(t, c); lag != 1 {
		t.Errorf("the lag is %d before the dead letter is acknowledged, want 1", lag)
	}
	release()
	r.await(t, engine.DeadLettered, 1)
	if err := r.commit(t.Context()); err != nil {
		t.Error(err)
	}
	if lag := lagOf(t, c); lag != 0 {
		t.Errorf("the lag is %d after that, want 0", lag)
	}
}

func TestMessagesOfAKeyRunInTheirOrderHere(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	client := newClient(t, c)
	for n, v := range envelopes(t, 0, 60) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "payments", Key: fmt.Appendf(nil, "%d", n%3), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	last, failed := map[int]int{0: -3, 1: -2, 2: -1}, false
	r := share(t, settings(t, c, "ORDERING", "key", "RETRY_DELAY", "10ms"), func(_ context.Context, m message.Of[payment]) error {
		mu.Lock()
		defer mu.Unlock()
		if m.Body.N == 30 && !failed {
			failed = true
			return message.Retry(errors.New("later"))
		}
		if key := m.Body.N % 3; m.Body.N != last[key]+3 {
			t.Errorf("%d comes after %d", m.Body.N, last[key])
		}
		last[m.Body.N%3] = m.Body.N
		return nil
	})
	r.await(t, engine.Handled, 60)
}

func TestASlowPartitionHoldsUpNoOtherOfAShareGroup(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(2)), make(chan struct{})
	values := envelopes(t, 0, 40)
	produce(t, c, 0, values...)
	r := share(t, settings(t, c, "MAX_POLL_RECORDS", "10", "MAX_WORKERS", "100"), func(ctx context.Context, m message.Of[payment]) error {
		if m.Partition == 0 {
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	eventually(t, "the slow one is paused", func() bool { return r.Stats().Paused == 1 && r.Stats().Records == 40 })
	for n := range 3 {
		produce(t, c, 0, values...)
		produce(t, c, 1, values...)
		eventually(t, "the other goes on", func() bool { return r.handledOf(1) == 40*(n+1) })
	}
	if n := r.Stats().Records; n > 80 {
		t.Errorf("%d messages are held, want the 40 from before the pause, and a fetch that was under way", n)
	}
	close(gate)
	r.await(t, engine.Handled, 280) // it goes on itself
}

func TestAShareGroupSaysThatKafkaIsAwayAndRecovers(t *testing.T) {
	t.Parallel()
	address, data := freeAddress(t), t.TempDir()
	var h times
	r := share(t, settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", address), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	for n := range 2 { // at the start, and in the middle
		eventually(t, "not ready, and why", func() bool { err := r.Ready(); return err != nil && strings.Contains(err.Error(), "connect") })
		c := startCluster(t, topicOf(1), kfake.Ports(portOf(t, address)), kfake.DataDir(data))
		produce(t, c, 0, envelopes(t, n, n+1)...)
		r.await(t, engine.Handled, n+1)
		eventually(t, "ready", func() bool { return r.Ready() == nil })
		c.Close()
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if !errors.Is(r.Ready(), errStopped) {
		t.Errorf("ready after the end: %v", r.Ready())
	}
}

func TestAShareGroupBeginsWhereTheSettingsSay(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]int{"earliest": 0, "latest": 5} {
		c := startCluster(t, topicOf(1))
		produce(t, c, 0, envelopes(t, 0, 5)...)
		var first atomic.Int64
		first.Store(-1)
		r := share(t, settings(t, c, "KAFKA_AUTO_OFFSET_RESET", policy, "ORDERING", "partition"), func(_ context.Context, m message.Of[payment]) error {
			first.CompareAndSwap(-1, int64(m.Body.N))
			return nil
		})
		eventually(t, "the group has its partition", func() bool { return lagOf(t, c) >= 0 })
		produce(t, c, 0, envelopes(t, 5, 6)...)
		eventually(t, "a message", func() bool { return first.Load() >= 0 })
		if first.Load() != int64(want) {
			t.Errorf("with %s it begins with message %d, want %d", policy, first.Load(), want)
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatOnlyAnAdministratorCanCorrectOfAShareGroupIsSaid(t *testing.T) {
	t.Parallel()
	old := kversion.Stable()
	old.SetMaxKeyVersion(int16(kmsg.ShareAcknowledge), 1)
	isNotReady := func(r *sharing, why string) func() bool {
		return func() bool { err := r.Ready(); return err != nil && strings.Contains(err.Error(), why) }
	}
	r := share(t, settings(t, startCluster(t, topicOf(1), kfake.MaxVersions(old))), succeed)
	eventually(t, "Kafka is too old", isNotReady(r, "they want Kafka 4.2"))

	c := startCluster(t, topicOf(1))
	c.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response, resource := kmsg.NewPtrIncrementalAlterConfigsResponse(), kmsg.NewIncrementalAlterConfigsResponseResource()
		response.Version, resource.ErrorCode = request.GetVersion(), kerr.GroupAuthorizationFailed.Code
		response.Resources = append(response.Resources, resource)
		return response, nil, true
	})
	r = share(t, settings(t, c), succeed)
	eventually(t, "the group's settings may not be set", isNotReady(r, "may not set map[share.auto.offset.reset:earliest"))
	eventually(t, "it is tried again", func() bool { return r.Ready() == nil })
}

func TestATopicThatIsMissingStopsNoOtherOfAShareGroup(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	r := share(t, settings(t, c), succeed, "refunds")
	r.await(t, engine.Handled, 3)
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), `topic "refunds", which the service is to read, does not exist`)
	})
	if err := c.CreateTopic("refunds", 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := newClient(t, c).ProduceSync(t.Context(), &kgo.Record{Topic: "refunds", Value: envelopes(t, 3, 4)[0]}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.await(t, engine.Handled, 4)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
}

func TestATopicThatWasMadeAnewIsReadBySharesAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	var h times
	r := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	r.await(t, engine.Handled, 3)
	if _, err := kadm.NewClient(newClient(t, c)).DeleteTopics(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic("payments", 1, nil); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, envelopes(t, 3, 6)...)
	r.await(t, engine.Handled, 6)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
	if wrong := h.notOnce(0, 6); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
}

// A broker that hangs does not say whether it knows what was accepted last: who stopped the
// service is told so, and where.
func TestAStopWhoseAcceptIsNotAnsweredIsAnError(t *testing.T) {
	t.Parallel()
	c, network := startFreezable(t)
	runs, release := make(chan struct{}), make(chan struct{})
	r := share(t, settings(t, c, "DRAIN_TIMEOUT", "1s", "COMMIT_INTERVAL", "1m"), func(context.Context, message.Of[payment]) error {
		close(runs)
		<-release
		return nil
	})
	produce(t, c, 0, envelopes(t, 0, 1)...)
	<-runs
	network.freeze()
	close(release)
	r.await(t, engine.Handled, 1)
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "payments/0") || !strings.Contains(err.Error(), "no broker has confirmed") {
		t.Errorf("it ended with %v, want the partition, and that no broker has confirmed what was accepted", err)
	}
}
