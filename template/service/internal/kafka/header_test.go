//go:build !race

package kafka // the race detector makes conversions allocate

import (
	"testing"

	"github.com/IBM/sarama"
)

// The names of an envelope's header are the same in every message, and are not
// allocated for each.
func TestKnownHeadersAreNotAllocated(t *testing.T) {
	m := &sarama.ConsumerMessage{}
	for name := range knownHeaders {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(name), Value: []byte("v")})
	}
	n := testing.AllocsPerRun(100, func() {
		if out := toMessage(m); out.Headers[0].Key != string(m.Headers[0].Key) {
			t.Fatal(out.Headers[0].Key)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations for %d headers, want the list alone", n, len(m.Headers))
	}
}
