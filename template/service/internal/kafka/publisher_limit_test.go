package kafka

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestRefusedInCompanyIsNoReasonToGiveUp: the topic may take less than it did when
// the publisher asked.
func TestRefusedInCompanyIsNoReasonToGiveUp(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	p := newPublisher(t, settings(t, cluster))
	arrived, release := hold(t, cluster)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{produceKey}, Err: kerr.MessageTooLarge, Count: -1, When: func(r kmsg.Request) bool {
		batch := r.(*kmsg.ProduceRequest).Topics[0].Partitions[0].Records
		return binary.BigEndian.Uint32(batch[57:]) > 1 // records
	}})
	sent := make(chan error, 5)
	send := func() {
		sent <- p.Send(t.Context(), &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte("v")})
	}
	go send()
	<-arrived
	for range 4 {
		go send()
	}
	eventually(t, "company", func() bool { return waiting(p) == 5 })
	release()
	refused := 0
	for range 5 {
		if err := <-sent; err != nil {
			refused++
			if message.OutcomeOf(err) != message.OutcomeRetry || errors.Is(err, message.ErrTooLarge) {
				t.Errorf("a message refused for its company's size: %v", err)
			}
		}
	}
	if refused == 0 {
		t.Error("no company was refused: the test proves nothing")
	}
	eventually(t, "a message alone is published", func() bool {
		return p.Send(t.Context(), &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte("v")}) == nil
	})
}

func TestLargeMessagesArePublishedWhereTheTopicTakesThem(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	large := "5000000"
	if err := cluster.CreateTopic("large", 1, map[string]string{maxMessageBytes: large}); err != nil {
		t.Fatal(err)
	}
	p := newPublisher(t, settings(t, cluster))
	if err := p.Send(t.Context(), &message.Message{Topic: "large", Value: make([]byte, 3_000_000)}); err != nil {
		t.Error(err)
	}
	if err := p.Send(t.Context(), &message.Message{Topic: "large", Value: make([]byte, 6_000_000)}); !errors.Is(err, message.ErrTooLarge) {
		t.Errorf("a message that the topic does not take: %v, want message.ErrTooLarge", err)
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
