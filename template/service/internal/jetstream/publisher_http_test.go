package jetstream

import (
	"strings"
	"testing"
)

// TestAPublisherIsReadyOnceAServerAnswers, and says until then where it asked.
func TestAPublisherIsReadyOnceAServerAnswers(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.leave(true)
	p := newTestPublisher(t, b.settings())
	eventually(t, "it says that there is no server", func() bool {
		err := p.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "no connection to NATS at "+b.url())
	})
	b.leave(false)
	eventually(t, "ready", func() bool { return p.Ready(t.Context()) == nil })
	b.leave(true)
	eventually(t, "not ready", func() bool { return p.Ready(t.Context()) != nil })
}
