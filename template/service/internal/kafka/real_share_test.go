package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What is tested with an embedded broker holds with a real one, of Kafka 4.2 or later:
// KAFKA_SHARE_TEST_BROKER names one whose group.share.record.lock.duration.ms is 5000. What
// a member gives back when it ends is not counted by it, or not each time.
func TestARealShareGroup(t *testing.T) {
	broker := os.Getenv("KAFKA_SHARE_TEST_BROKER")
	if broker == "" {
		t.Skip("KAFKA_SHARE_TEST_BROKER is not set")
	}
	const messages, restarts = 60, 20
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("payments"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	_, _ = admin.DeleteTopics(t.Context(), "payments", "payments.dlq") // of an earlier run
	eventually(t, "the topic is a new one", func() bool {
		_, err := admin.CreateTopic(t.Context(), 2, 1, nil, "payments")
		return err == nil
	})
	group := fmt.Sprintf("share-%d", time.Now().UnixNano()) // of this run
	cfg := settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", broker, "KAFKA_GROUP_ID", group, "DRAIN_TIMEOUT", "300ms")
	h := takes{gate: make(chan struct{})} // message 0 waits
	handle := func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 7 {
			return message.Permanent(errors.New("seven is too much"))
		}
		return h.handle(ctx, m)
	}
	first := share(t, cfg, handle)
	for _, v := range envelopes(t, 0, messages) {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	second := share(t, cfg, handle)
	eventually(t, "all are done but one", func() bool {
		first.mu.Lock()
		defer first.mu.Unlock()
		second.mu.Lock()
		defer second.mu.Unlock()
		return first.counts[engine.Handled]+second.counts[engine.Handled] == messages-2 && first.counts[engine.DeadLettered]+second.counts[engine.DeadLettered] == 1
	})
	began := time.Now()
	eventually(t, "the lock of the one would be over", func() bool { return time.Since(began) > 8*time.Second })
	if wrong := h.notOnce(0, 7); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
	if wrong := h.notOnce(8, messages); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
	if err := errors.Join(first.stop(), second.stop()); err != nil {
		t.Error(err)
	}
	for range restarts { // more than there are deliveries
		r := share(t, cfg, handle)
		eventually(t, "it runs again", func() bool { return r.Stats().Busy == 1 })
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	close(h.gate)
	last := share(t, cfg, handle)
	last.await(t, engine.Handled, 1)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: envelopes(t, messages, messages+1)[0]}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	last.await(t, engine.Handled, 2)
	if wrong := h.notOnce(8, messages+1); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
}
