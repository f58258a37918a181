package kafka

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// nameTopics makes the client speak a version of the protocol in which answers
// name topics, so that the network finds what it is to change.
func nameTopics(p *publisher.Publisher) { addOption(p, kgo.MaxVersions(kversion.V3_7_0())) }

// A leader that moves between writing and the replicas' acknowledgement answers
// with these, as one does that never led the partition.
var afterWriting = []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.NotEnoughReplicasAfterAppend}

// refuseRetries makes the broker refuse all produce requests but the next, until
// the handle is removed.
func refuseRetries(c *kfake.Cluster, err *kerr.Error) *kfake.FaultHandle {
	var first atomic.Pointer[kmsg.ProduceRequest]
	return c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: -1, When: func(r kmsg.Request) bool {
		request := r.(*kmsg.ProduceRequest)
		first.CompareAndSwap(nil, request) // it is asked several times about each
		return first.Load() != request
	}})
}

func TestWhatIsWrittenThoughTheAnswerSaysNoIsNotSentWithMore(t *testing.T) {
	t.Parallel()
	for _, said := range afterWriting {
		t.Run(said.Message, func(t *testing.T) {
			t.Parallel()
			cluster, p, n := publishing(t, 1)
			nameTopics(p)
			f := newFates()
			publish := func(i int) { p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, f.of(i)) }
			refused := refuseRetries(cluster, kerr.NotEnoughReplicas)
			n.changeAnswer(said)
			publish(0)
			eventually(t, "it is tried again", func() bool { return refused.Hits() > 0 })
			publish(1)
			before := refused.Hits()
			eventually(t, "it is tried when there is more", func() bool { return refused.Hits() > before+1 })
			refused.Remove()
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			publish(2)
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.check(t, 3, published)
			if got := numbers(t, readAll(t, cluster, "transfers", 3)); got != "[0 1 2]" || !n.changed() {
				t.Errorf("the topic has %s, want [0 1 2]; changed: %v", got, n.changed())
			}
		})
	}
}

func TestTheNextEventIsNotTakenForOneThatWasWrittenThoughTheAnswerSaidNo(t *testing.T) {
	t.Parallel()
	for _, said := range afterWriting {
		t.Run(said.Message, func(t *testing.T) {
			t.Parallel()
			cluster, p, n := publishing(t, 1)
			nameTopics(p)
			producerOf(p).cfg.PublishRetryMaxAttempts = 1
			if err := p.Publish(t.Context(), transfer{Number: 0}); err != nil {
				t.Fatal(err)
			}
			n.changeAnswer(said)
			if err := p.Publish(t.Context(), transfer{Number: 1}); err == nil || !n.changed() {
				t.Fatalf("error %v after an answer that said no; changed: %v", err, n.changed())
			}
			publishTwoMore(t, p, cluster, "[0 1 2 3]")
		})
	}
}

// publishTwoMore publishes events 2 and 3, after which the topic is to have want.
func publishTwoMore(t *testing.T, p *publisher.Publisher, c *kfake.Cluster, want string) {
	t.Helper()
	f := newFates()
	for i := 2; i < 4; i++ {
		p.PublishAsync(t.Context(), transfer{Number: i}, f.of(i))
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.errs[i] != nil {
			t.Fatal(f.errs[i])
		}
	}
	n := len(want) / 2
	if at := f.last[3].Offset; at != int64(n-1) {
		t.Fatalf("event 3 is at %d, want %d: it, or another, was taken for one that was there", at, n-1)
	}
	if got := numbers(t, readAll(t, c, "transfers", n)); got != want {
		t.Errorf("the topic has %s, want %s", got, want)
	}
}

func TestWhatTheBrokerHasAlreadyIsPublished(t *testing.T) {
	t.Parallel()
	cluster, p, n := publishing(t, 1)
	nameTopics(p)
	n.changeAnswer(kerr.RequestTimedOut)
	known := refuseRetries(cluster, kerr.DuplicateSequenceNumber)
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Number: 0}, f.of(0))
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	known.Remove()
	f.check(t, 1, published)
	if known.Hits() != 1 {
		t.Errorf("published after %d repetitions that were known, want 1", known.Hits())
	}
	if err := p.Publish(t.Context(), transfer{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, readAll(t, cluster, "transfers", 2)); got != "[0 1]" {
		t.Errorf("the topic has %s, want [0 1]", got)
	}
}

func TestTheSecondEventIsNotTakenForAFirstThatWasGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		held kmsg.Key
		want string
	}{
		"while its answer was awaited": {kmsg.Produce, "[1 2 3]"}, // the first was on its way
		"while it had no producer id":  {kmsg.InitProducerID, "[2 3]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
			p := newPublisher(t, quick(t, cluster))
			arrived, release := holdKind(t, cluster, c.held)
			p.Timeout = 2 * time.Second // in which it is on its way, on a slow machine too
			if err := p.Publish(t.Context(), transfer{Number: 1}); err == nil || !strings.Contains(err.Error(), "given up after 2s") {
				t.Fatalf("error %v, want that it was given up", err)
			}
			<-arrived
			p.Timeout = time.Minute
			release()
			publishTwoMore(t, p, cluster, c.want)
		})
	}
}
