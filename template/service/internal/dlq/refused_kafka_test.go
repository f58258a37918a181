//go:build !jetstream && !rabbitmq

package dlq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestALetterThatHasNoAnswerIsGivenUp: it may have been written, so the client would wait
// for a broker that is frozen, or gone, without end.
func TestALetterThatHasNoAnswerIsGivenUp(t *testing.T) {
	w := newWorld(t)
	sent := make(chan struct{}, 1)
	w.cluster.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		select {
		case sent <- struct{}{}:
		default:
		}
		return nil, errors.New("the connection is cut"), true
	})
	producer, err := (&redrive{box: &box{kafka: consumerOf(w.cluster.ListenAddrs()[0], "shop").Source}}).newProducer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	ctx, giveUp := context.WithCancel(t.Context())
	given := make(chan error, 1)
	producer.Produce(ctx, &kgo.Record{Topic: "payments"}, func(_ *kgo.Record, err error) { given <- err })
	<-sent
	giveUp()
	select {
	case err := <-given:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it still waits for an answer")
	}
}

// TestWhatIsBehindALetterWhoseTopicIsGoneIsSentOnce: it waits, also when letters of other
// topics stand before that.
func TestWhatIsBehindALetterWhoseTopicIsGoneIsSentOnce(t *testing.T) {
	w := newWorld(t)
	for _, topic := range []string{"payments", "gone", "payments"} {
		letter := &kgo.Record{Topic: "payments.dlq", Headers: []kgo.RecordHeader{{Key: "topic_poisoned", Value: []byte(topic)}}}
		if err := w.client.ProduceSync(t.Context(), letter).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.run(1, "redrive", "--execute")
	if n := len(w.read("payments")); n != 1 {
		t.Errorf("%d were sent, want the one before it", n)
	}
}

// TestWhoMayNotCommitSendsNothing: it would be sent once more the next time.
func TestWhoMayNotCommitSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.cluster.ControlKey(kmsg.OffsetCommit.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request := r.(*kmsg.OffsetCommitRequest)
		response := request.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, topic := range request.Topics {
			refused := kmsg.OffsetCommitResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
			for _, p := range topic.Partitions {
				refused.Partitions = append(refused.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: kerr.GroupAuthorizationFailed.Code})
			}
			response.Topics = append(response.Topics, refused)
		}
		return response, nil, true
	})
	out := w.run(1, "redrive", "--execute", "--class", "handler")
	if !strings.Contains(out, `commit of group "shop.redrive.`) || !strings.Contains(out, "acl prints the rights") || strings.Contains(out, `group "shop":`) {
		t.Error(out)
	}
	if n := len(w.read("payments")); n > 0 {
		t.Errorf("%d were sent", n)
	}
}

// TestACommitWithoutAnAnswerIsNoMissingTopic: the client asks for the topic first, and tells
// no answer as that.
func TestACommitWithoutAnAnswerIsNoMissingTopic(t *testing.T) {
	err := explain(consumerOf("127.0.0.1:1", "shop").Source, fmt.Errorf("commit of group %q: %w", "shop.redrive", kerr.UnknownTopicOrPartition))
	if !strings.HasSuffix(err.Error(), ": the dead letter topic is gone, or no broker answers") {
		t.Error(err)
	}
}

// TestTheGroupThatMayNotBeSeenIsNamed: a redrive's is not the service's.
func TestTheGroupThatMayNotBeSeenIsNamed(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.run(0, "redrive", "--execute")
	w.cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		response := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		response.ErrorCode = kerr.GroupAuthorizationFailed.Code
		for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
			response.Groups = append(response.Groups, kmsg.OffsetFetchResponseGroup{Group: g.Group, ErrorCode: kerr.GroupAuthorizationFailed.Code})
		}
		return response, nil, true
	})
	out := w.run(1, "ls")
	if !strings.Contains(out, `offsets of group "shop.redrive"`) || !strings.Contains(out, "acl prints the rights") || strings.Contains(out, `group "shop":`) {
		t.Error(out)
	}
}
