//go:build jetstream

package dlq

import (
	"strings"
	"testing"

	nats "github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestAMessageThatIsSentBackIsNoDuplicateOfItself: the server knows the first by its id.
func TestAMessageThatIsSentBackIsNoDuplicateOfItself(t *testing.T) {
	w := newWorld(t)
	first := &message.Message{Topic: "payments", Key: []byte("k"), Value: []byte("1"), Header: message.Header{MessageID: "m-1"}}
	w.send(first)
	w.write(message.ClassHandler, "no", w.read("payments")[0])
	w.run(0, "redrive", "--execute")
	if came := w.read("payments"); len(came) != 2 || came[1].Partition != came[0].Partition {
		t.Errorf("%d messages, want the first and the one that was sent back beside it: %v", len(came), came)
	}
}

// TestWhatWasWrittenAndNotRemovedIsNotWrittenAgain: who was killed in between goes on.
func TestWhatWasWrittenAndNotRemovedIsNotWrittenAgain(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	b := w.open("payments.dlq")
	defer b.close()
	j := newJudge(t.Context(), b.consumersOfTests(w), options{})
	err := b.read(t.Context(), "payments.dlq", 0, func(m message.Message) error {
		l, _ := j.judge(m)
		to, _ := j.target(l)
		return b.newSender().send(t.Context(), l, &to)
	})
	if err != nil || w.count("payments") != 3 {
		t.Fatalf("%d were written: %v", w.count("payments"), err)
	}
	w.run(0, "redrive", "--execute")
	if n, left := w.count("payments"), w.count("payments.dlq"); n != 3 || left != 0 {
		t.Errorf("%d messages, want 3; %d letters are left", n, left)
	}
}

func (*broker) consumersOfTests(w *world) []Consumer {
	return []Consumer{consumerOf(w.broker, "shop", "payments")}
}

// TestWhoMayNotRemoveSendsNoMoreThanOne: each would be sent once more the next time.
func TestWhoMayNotRemoveSendsNoMoreThanOne(t *testing.T) {
	w := newWorld(t)
	w.remove("payments.dlq")
	b := w.open("payments")
	defer b.close()
	if _, err := b.js.CreateStream(t.Context(), nats.StreamConfig{Name: "payments_dlq", Subjects: []string{"payments.dlq"}, DenyDelete: true}); err != nil {
		t.Fatal(err)
	}
	w.fill(30)
	for range 2 {
		out := w.run(1, "redrive", "--execute")
		if !strings.Contains(out, "payments.dlq@1: remove it") || !strings.Contains(out, "it is in payments again") || !strings.Contains(out, "dead letters 1: redriven 1\n") {
			t.Error(out)
		}
	}
	if out := w.run(1, "purge", "--all", "--execute"); strings.Contains(out, "deleted") {
		t.Errorf("nothing was deleted: %s", out)
	}
	if n, left := w.count("payments"), w.count("payments.dlq"); n != 1 || left != 30 {
		t.Errorf("%d were sent, %d letters are left", n, left)
	}
}

// TestWhatIsGoneIsRemoved: two commands may meet.
func TestWhatIsGoneIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.fill(1)
	b := w.open("payments.dlq")
	defer b.close()
	for range 2 {
		if err := b.remove(t.Context(), &Letter{Message: message.Message{Topic: "payments.dlq", Offset: 1}}); err != nil {
			t.Error(err)
		}
	}
}
