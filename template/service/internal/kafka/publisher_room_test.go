package kafka

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Events whose callbacks wait behind one that does not return take room. They hold
// up no dead letter, and an event for no longer than its own time.
func TestWhoHasNoRoom(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers", "payments.dlq"))
	p := newPublisher(t, quick(t, cluster, "PUBLISH_TIMEOUT", "300ms"))
	p.setCapacity(2000)
	called, release := make(chan struct{}), make(chan struct{})
	p.PublishAsync(t.Context(), transfer{Account: "a"}, func(message.Delivery, error) {
		close(called)
		<-release
	})
	<-called
	p.PublishAsync(t.Context(), transfer{Account: "a", Note: strings.Repeat("x", 3000)}, func(message.Delivery, error) {})
	if err := p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte("v")}); err != nil {
		t.Errorf("the dead letter: %v", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- p.Publish(t.Context(), transfer{Account: "a"}) }()
	select {
	case err := <-waited:
		if err == nil || !strings.Contains(err.Error(), "no room") || message.OutcomeOf(err) != message.OutcomeRetry {
			t.Errorf("the event: %v, want a retry since there is no room", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the event waits for room beyond its time")
	}
	close(release)
}

// A dead letter waits behind no event that waits for room.
func TestADeadLetterIsFirstWhereEventsWaitForRoom(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers", "payments.dlq"))
	p := newPublisher(t, quick(t, cluster))
	p.setCapacity(2000)
	called, release := make(chan struct{}), make(chan struct{})
	large := transfer{Account: "a", Note: strings.Repeat("x", 3000)}
	p.PublishAsync(t.Context(), large, func(message.Delivery, error) {
		close(called)
		<-release
	})
	<-called
	p.PublishAsync(t.Context(), large, func(message.Delivery, error) {}) // has the room until its turn comes
	waited := make(chan error, 1)
	go func() { waited <- p.Publish(t.Context(), large) }()
	eventually(t, "the event waits for room", func() bool { return !p.room.TryAcquire(0) })
	if err := p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte("v")}); err != nil {
		t.Errorf("the dead letter: %v", err)
	}
	close(release)
	if err := <-waited; err != nil {
		t.Errorf("the event: %v", err)
	}
}

// What the topic takes is asked for again after a question that had no answer.
func TestATopicsLimitThatCouldNotBeAskedFor(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	if err := cluster.CreateTopic("large", 1, map[string]string{maxMessageBytes: "5000000"}); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Bool
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !asked.Swap(true) {
			time.Sleep(batchSizeTimeout + time.Second/10) // a broker that hangs
			return nil, errors.New("no answer"), true
		}
		return nil, nil, false
	})
	p := newPublisher(t, quick(t, cluster))
	send := func() error {
		return p.Send(t.Context(), &message.Message{Topic: "large", Value: make([]byte, 3_000_000)})
	}
	if err := send(); err == nil || message.OutcomeOf(err) != message.OutcomeRetry {
		t.Fatalf("%v, want a retry", err)
	}
	eventually(t, "it is published", func() bool { return send() == nil })
}
