//go:build rabbitmq

package dlq

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/rabbitmq"
)

// TestWhatDiedInTheBrokerGoesBack: what expired in its queue is a dead letter of its topic.
func TestWhatDiedInTheBrokerGoesBack(t *testing.T) {
	w := newWorld(t)
	sent := message.Message{Topic: "payments", Key: []byte("k"), Value: []byte{0xff, 1}, Headers: []message.Field{{Key: "own", Value: []byte("1")}}}
	out, err := rabbitmq.Publishing(&sent)
	if err != nil {
		t.Fatal(err)
	}
	out.Expiration = "1"
	b := w.open("payments")
	defer b.close()
	if err := b.queues["payments"].PublishWithContext(t.Context(), "", b.cfg.QueuePrefix+"payments", true, false, out); err != nil {
		t.Fatal(err)
	}
	for w.count("payments.dlq") == 0 && t.Context().Err() == nil { //nolint:revive // it takes its time
	}
	if out := w.run(0, "ls"); !strings.Contains(out, "expired") || !strings.Contains(out, "selected 1") {
		t.Error(out)
	}
	if out := w.run(0, "redrive", "--class", "expired", "--execute"); !strings.Contains(out, "redriven 1") {
		t.Error(out)
	}
	came := w.read("payments")
	if len(came) != 1 || sum(&came[0]) != sum(&sent) || w.count("payments.dlq") != 0 {
		t.Errorf("%d came: %v", len(came), came)
	}
}

// TestATopicOfSeveralQueuesGetsItsLettersByKey: each where the messages of its key are.
func TestATopicOfSeveralQueuesGetsItsLettersByKey(t *testing.T) {
	w := newWorld(t)
	c := consumerOf(w.broker, "shop", "payments")
	c.Source.Partitions = 3
	b := w.open("other")
	defer b.close()
	ch := b.queues["other"].Channel
	for p := range c.Source.Partitions {
		if err := rabbitmq.DeclareTopic(ch, c.Source, "payments", p); err != nil {
			t.Fatal(err)
		}
	}
	queues := []string{"payments-0", "payments-1", "payments-2"}
	defer func() {
		for _, name := range queues {
			w.remove(name)
		}
		end := w.open("other")
		defer end.close()
		_ = end.queues["other"].ExchangeDelete(c.Source.QueuePrefix+"payments", false, false)
	}()
	for i := range 60 {
		w.write(message.ClassHandler, "no", message.Message{Key: []byte{byte(i % 20)}, Value: []byte{byte(i)}})
	}
	for range 2 {
		var out, errs bytes.Buffer
		if code := Command(t.Context(), []Consumer{c}, nil, []string{"redrive", "--execute"}, &out, &errs); code != 0 {
			t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
		}
	}
	where, n := make(map[string]string), 0
	for _, name := range queues {
		for _, m := range w.read(name) {
			if before, ok := where[string(m.Key)]; ok && before != name {
				t.Errorf("key %x is in %s and in %s", m.Key, before, name)
			}
			where[string(m.Key)] = name
			n++
		}
	}
	if n != 60 || w.count("payments") > 0 {
		t.Errorf("%d came, want 60; %d in a queue that nobody reads", n, w.count("payments"))
	}
}
