package jetstream

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// restricted has a user "service" with the rights to publish that it is given. Whoever has no
// name may do all.
func restricted(publish ...string) func(*server.Options) {
	return func(o *server.Options) {
		rights := &server.Permissions{Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}}}
		o.Users = []*server.User{{Username: "all", Password: "all"}, {Username: "service", Password: "secret", Permissions: rights}}
		o.NoAuthUser = "all"
	}
}

// TestTheRightsThatAreDocumentedAreEnough for all that a service does: to make streams and
// durable consumers, to publish, to write dead letters, to end, and to go on.
func TestTheRightsThatAreDocumentedAreEnough(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, restricted("payments.*", "payments.dlq", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.CONSUMER.>", "$JS.ACK.>"))
			cfg := b.settings(ordering(o), func(c *config.JetStream) { c.User, c.Password, c.AckWait = "service", "secret", time.Minute })
			p := newTestPublisher(t, cfg)
			if err := p.Publish(t.Context(), payment{N: 0, Of: "account-0"}); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
					if m.Body.N == 7 {
						return errors.New("no such account")
					}
					return nil
				})
				b.publish(1, 10, 3)
				r.await(t, engine.DeadLettered, 1)
				r.await(t, engine.Handled, 8)
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				if r.log.has("ermissions") || r.log.has("level=WARN", "given back") {
					t.Error(r.log)
				}
			}
		})
	}
}

// TestARightThatIsMissingIsNamed, with its subject.
func TestARightThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	b := startBroker(t, restricted("payments.*", "payments.dlq", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*"))
	r := consume(t, b.settings(func(c *config.JetStream) { c.User, c.Password = "service", "secret" }), succeed)
	eventually(t, "it is in the log", func() bool {
		return r.log.has("level=WARN", "Permissions Violation for Publish to", "$JS.API.CONSUMER.INFO.payments.tests-0")
	})
	eventually(t, "it is not ready", func() bool { return r.Ready() != nil })
}
