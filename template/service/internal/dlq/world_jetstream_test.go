//go:build jetstream

package dlq

import (
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/jetstream"
)

// missing ends a test that has no broker.
func missing(t *testing.T, err error) {
	t.Helper()
	t.Fatal(err)
}

func (w *world) createTopics() {
	w.t.Helper()
	if err := embedded.CreateTopics(w.t.Context(), w.broker, "payments", "payments.dlq", "other"); err != nil {
		w.t.Fatal(err)
	}
}

// remove removes a topic.
func (w *world) remove(topic string) {
	w.t.Helper()
	b := w.open(topic)
	defer b.close()
	if err := b.js.DeleteStream(w.t.Context(), jetstream.StreamName(topic)); err != nil {
		w.t.Fatal(err)
	}
}

// count returns how many messages a topic has that nobody holds.
func (w *world) count(topic string) int {
	w.t.Helper()
	b := w.open(topic)
	defer b.close()
	if s := b.streams[topic]; s != nil {
		return int(s.count)
	}
	return 0
}
