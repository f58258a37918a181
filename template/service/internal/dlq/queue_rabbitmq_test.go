//go:build rabbitmq

package dlq

import (
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
