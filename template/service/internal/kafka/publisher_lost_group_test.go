package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// An attempt is written and its answer lost; the next is refused, because the topic's
// limit was lowered meanwhile, say. The events fail with that, or come through; the
// publisher itself writes none of them twice.
func TestARefusalAfterALostAnswerWritesNothingTwice(t *testing.T) { //nolint:gocognit // one story, told in order
	t.Parallel()
	for _, refusal := range []*kerr.Error{kerr.MessageTooLarge, kerr.InvalidTimestamp} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			cluster, p, n := publishing(t, 1)
			nameTopics(p)
			addOption(p, kgo.ProducerLinger(200*time.Millisecond)) // what waits together is one batch
			if err := p.Publish(t.Context(), transfer{Account: "a"}); err != nil {
				t.Fatal(err)
			}
			held := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1, When: func(kmsg.Request) bool { return true }})
			f := newFates()
			for i := range 6 {
				p.PublishAsync(t.Context(), transfer{Account: "a", Number: 1 + i}, f.of(i))
			}
			eventually(t, "they wait together", func() bool { return held.Hits() > 1 })
			n.changeAnswer(kerr.NotEnoughReplicasAfterAppend)
			n.mu.Lock()
			n.then = refusal
			n.mu.Unlock()
			held.Remove()
			eventually(t, "written, and the answers say no", n.changed)
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for i := range 6 {
				if f.errs[i] != nil {
					failed++
					if !isRetry(f.errs[i]) {
						t.Errorf("event %d: %v", i, f.errs[i])
					}
				}
			}
			ends, err := kadm.NewClient(newClient(t, cluster)).ListEndOffsets(t.Context(), "transfers")
			if err != nil {
				t.Fatal(err)
			}
			if end, _ := ends.Lookup("transfers", 0); end.Offset != 7 {
				t.Errorf("7 events are %d records: %s; %d failed", end.Offset, numbers(t, readAll(t, cluster, "transfers", int(end.Offset))), failed)
			}
			if err := p.Publish(t.Context(), transfer{Account: "a", Number: 7}); err != nil {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

// Dead letters go to a topic that was deleted and made anew with fewer partitions.
func TestDeadLettersGoToATopicThatWasMadeAnew(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, topicOf(4), kfake.SeedTopics(4, "payments.dlq"))
	r := consume(t, settings(t, cluster), func(context.Context, message.Of[payment]) error { return message.Permanent(errors.New("broken")) }, "payments")
	send := func(from, to int) {
		for p := range int32(4) {
			produce(t, cluster, p, envelopes(t, from, to)...)
		}
	}
	send(0, 5)
	r.await(t, engine.DeadLettered, 20)
	if err := cluster.DeleteTopic("payments.dlq"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic("payments.dlq", 1, nil); err != nil {
		t.Fatal(err)
	}
	send(5, 10)
	r.await(t, engine.DeadLettered, 40)
	if got := len(readAll(t, cluster, "payments.dlq", 20)); got != 20 {
		t.Errorf("%d dead letters of 20", got)
	}
	eventually(t, "ready", func() bool { return r.Ready() == nil })
}
