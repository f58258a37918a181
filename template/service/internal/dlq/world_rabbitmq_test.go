//go:build rabbitmq

package dlq

import (
	"os"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
)

// missing ends a test that has no broker.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("E2E") == "require" {
		t.Fatal(err)
	}
	t.Skipf("NOT TESTED: %v (E2E=require makes this a failure)", err)
}

func (w *world) createTopics() {
	w.t.Helper()
	if err := embedded.CreateTopics(w.t.Context(), w.broker, "payments", "other", "payments.parked"); err != nil {
		w.t.Fatal(err)
	}
	w.remove("payments.parked") // the broker's end deletes it
}

// remove removes a topic.
func (w *world) remove(topic string) {
	w.t.Helper()
	b := w.open(topic)
	defer b.close()
	if q := b.queues[topic]; q != nil {
		if _, err := q.QueueDelete(q.name, false, false, false); err != nil {
			w.t.Fatal(err)
		}
	}
}

// count returns how many messages a topic has that nobody holds.
func (w *world) count(topic string) int {
	w.t.Helper()
	b := w.open(topic)
	defer b.close()
	if q := b.queues[topic]; q != nil {
		return q.count
	}
	return 0
}
