package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// shortLock has the broker take a message back after two seconds.
var shortLock = kfake.BrokerConfigs(map[string]string{"group.share.record.lock.duration.ms": "2000", "share.record.lock.sweep.interval.ms": "100"})

// The client would accept with each poll what came with the one before.
func TestWhatIsNotDoneIsNotAccepted(t *testing.T) {
	t.Parallel()
	c, gate := startCluster(t, topicOf(1)), make(chan struct{})
	produce(t, c, 0, envelopes(t, 0, 3)...)
	first := share(t, settings(t, c, "ORDERING", "none", "DRAIN_TIMEOUT", "1s"), func(ctx context.Context, m message.Of[payment]) error {
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
	lock := kfake.BrokerConfigs(map[string]string{"group.share.record.lock.duration.ms": "4000", "share.record.lock.sweep.interval.ms": "100"})
	c, gate := startCluster(t, topicOf(1), lock), make(chan struct{})
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
	eventually(t, "the lock would be over", func() bool { return time.Since(began) > 9*time.Second })
	if n := renewals.Load(); n < 3 {
		t.Errorf("renewed %d times in 9 s, want each 1.3 s", n)
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
