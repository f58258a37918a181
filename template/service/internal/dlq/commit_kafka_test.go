//go:build !jetstream && !rabbitmq

package dlq

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A commit waits for the answers of all that was sent before it, and stops before what
// they refuse.
func TestACommitWaitsForTheAnswers(t *testing.T) {
	w := newWorld(t)
	l := &Letter{Message: message.Message{Topic: "payments.dlq", Offset: 5}}
	before := &saving{done: make(chan struct{})}
	close(before.done)
	r := &redrive{
		box: &box{judge: &judge{groups: []string{"shop"}}, admin: w.admin}, positions: make(kadm.Offsets), sent: new(sync.WaitGroup), last: before,
		failed: make(map[partition]int64),
	}
	r.positions.AddOffset(l.Topic, l.Partition, 10, -1)
	unanswered, counts := r.sent, newReport(io.Discard, io.Discard)
	unanswered.Add(1)
	if err := r.save(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
	w.lag(selection{}) // the broker has been asked meanwhile, and could have been told
	r.written(row{}, l, errors.New("refused"), counts)
	unanswered.Done()
	if err := r.last.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	offsets, err := w.admin.FetchOffsets(t.Context(), selection{}.groupOf("shop"))
	if o, ok := offsets.Lookup(l.Topic, l.Partition); !ok || o.At != l.Offset {
		t.Errorf("committed %d, and %d has no answer: %v", o.At, l.Offset, err)
	}
}
