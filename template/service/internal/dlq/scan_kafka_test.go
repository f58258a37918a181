//go:build !jetstream && !rabbitmq

package dlq

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// begin writes a letter in a transaction that it leaves open.
func (w *world) begin(id string) *kgo.Client {
	w.t.Helper()
	client := w.connect(kgo.TransactionalID(id))
	if err := client.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	r := &kgo.Record{Topic: "payments.dlq", Headers: []kgo.RecordHeader{{Key: "topic_poisoned", Value: []byte("payments")}}}
	if err := client.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	return client
}

// Its marker is behind the open one, and so is never read.
func TestAnAbortedLetterBeforeAnOpenTransactionIsNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.write("shop", message.ClassHandler, "no", &message.Message{Topic: "payments"})
	aborted := w.begin("a")
	w.begin("b")
	if err := aborted.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if out := w.run(0, "ls"); !strings.Contains(out, "dead letters 1: selected 1") || time.Since(began) > answerTimeout/2 {
		t.Errorf("after %s: %s", time.Since(began), out)
	}
}

func TestLettersThatArePurgedMeanwhileAreNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	var once bool
	w.cluster.ControlKey(kmsg.Fetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if once {
			return nil, nil, false
		}
		once = true
		w.cluster.SleepControl(func() { // the scan knows where the letters end, and has read none
			ends, err := w.admin.ListEndOffsets(t.Context(), "payments.dlq")
			if err == nil {
				_, err = w.admin.DeleteRecords(t.Context(), ends.Offsets())
			}
			if err != nil {
				t.Error(err)
			}
		})
		return nil, nil, false
	})
	began := time.Now()
	if out := w.run(0, "ls"); !strings.Contains(out, "dead letters 0: none") || time.Since(began) > answerTimeout/2 {
		t.Errorf("after %s: %s", time.Since(began), out)
	}
}
