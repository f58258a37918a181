package jetstream

import (
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestAPublishIsTriedUntilItsTimeIsUp, and says where it was tried.
func TestAPublishIsTriedUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.leave(true)
	p := newTestPublisher(t, b.settings(func(c *config.JetStream) { c.PublishTimeout = 300 * time.Millisecond }))
	err := p.Publish(t.Context(), payment{N: 1, Of: "a"})
	if err == nil || message.OutcomeOf(err) != message.OutcomeUnavailable || !strings.Contains(err.Error(), b.url()) || !strings.Contains(err.Error(), "given up after 300ms") {
		t.Errorf("error is %v", err)
	}
	if err := p.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no connection to NATS at "+b.url()) {
		t.Errorf("ready without a server: %v", err)
	}
	b.leave(false)
	eventually(t, "ready", func() bool { return p.Ready(t.Context()) == nil })
	if err := p.Publish(t.Context(), payment{N: 2, Of: "a"}); err != nil {
		t.Error(err)
	}
	b.leave(true) // now it knows where to publish, and has a connection
	if err := p.Publish(t.Context(), payment{N: 3, Of: "a"}); message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Errorf("without an answer: %v", err)
	}
	eventually(t, "the loss of the connection is known", func() bool { return p.Ready(t.Context()) != nil })
	if err := p.Publish(t.Context(), payment{N: 4, Of: "a"}); message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Errorf("without a connection: %v", err)
	}
	b.leave(false) // what was given up is not written then
	eventually(t, "ready again", func() bool { return p.Ready(t.Context()) == nil })
	if err := p.Publish(t.Context(), payment{N: 5, Of: "a"}); err != nil {
		t.Error(err)
	}
	stream, err := b.client.Stream(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 2 {
		t.Errorf("%d events are written, want the two that were not given up", n)
	}
}
