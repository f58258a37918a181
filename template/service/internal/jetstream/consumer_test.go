package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func ordering(o string) func(*config.JetStream) {
	return func(c *config.JetStream) { c.Ordering = o }
}

// TestAllIsHandledAndAcknowledged, in the order of its key unless none is wanted, and
// nothing is left at the server after the end.
func TestAllIsHandledAndAcknowledged(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "partition", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b, done := startBroker(t), newBook()
			b.publish(0, 1000, 20)
			r := consume(t, b.settings(ordering(o)), func(_ context.Context, m message.Of[payment]) error {
				done.note(m, func() {})
				return nil
			})
			b.publish(1000, 1100, 20)
			r.await(t, engine.Handled, 1100)
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			durables := partitions
			if o == "none" {
				durables = []string{"tests"}
			} else {
				done.check(t, 1100, 20)
			}
			if n := b.pending(durables...); n != 0 {
				t.Errorf("%d messages are not acknowledged", n)
			}
			if n := r.count(engine.Handled); n != 1100 {
				t.Errorf("%d were handled, want each once", n)
			}
		})
	}
}

// TestNothingIsLostOrOvertakenOverCutConnections, whatever was under way.
func TestNothingIsLostOrOvertakenOverCutConnections(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			const total, accounts = 3000, 30
			b, done := startBroker(t), newBook()
			r := consume(t, b.settings(ordering(o)), func(_ context.Context, m message.Of[payment]) error {
				done.note(m, func() { time.Sleep(time.Millisecond) })
				return nil
			})
			for n := 0; n < total; n += total / 50 {
				b.publish(n, n+total/50, accounts)
				eventually(t, "some more is handled", func() bool { return done.distinct() > n/2 })
				b.cut()
			}
			eventually(t, "all is handled", func() bool { return done.distinct() == total })
			if o == "key" {
				done.check(t, total, accounts)
			}
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheDeadLetterIsWrittenBeforeItsMessageIsAcknowledged, and once, however often.
func TestTheDeadLetterIsWrittenBeforeItsMessageIsAcknowledged(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	limit := func(size int32) {
		s, err := b.client.Stream(t.Context(), "payments_dlq")
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.MaxMsgSize = size
		if _, err := b.client.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := EnsureStream(t.Context(), b.client, b.settings(), "payments.dlq", true); err != nil {
		t.Fatal(err)
	}
	limit(10)
	b.publish(0, 1, 1)
	r := consume(t, b.settings(), func(context.Context, message.Of[payment]) error { return errors.New("no such account") })
	r.await(t, engine.DeadLetterRefused, 1)
	if n := b.pending(partitions...); n != 1 {
		t.Errorf("%d messages are not acknowledged, want the one whose dead letter is refused", n)
	}
	limit(-1)
	r.await(t, engine.DeadLettered, 1)
	eventually(t, "it is acknowledged", func() bool { return b.pending(partitions...) == 0 })
	s, err := b.client.Stream(t.Context(), "payments_dlq")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d dead letters, want one", n)
	}
}

// TestADrainLetsHandlersEndAndAcknowledgesThem, and what was not begun is handled by the
// next instance at once; with an order, after what was done behind it too.
func TestADrainLetsHandlersEndAndAcknowledgesThem(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b, begun, gate := startBroker(t), make(chan struct{}, 100), make(chan struct{})
			b.publish(0, 100, 100)
			ackWait := map[string]time.Duration{"key": 5 * time.Minute, "none": 20 * time.Second} // what is on the network at the end comes again after that
			cfg := b.settings(ordering(o), func(c *config.JetStream) { c.MaxWorkers, c.DrainTimeout, c.AckWait = 4, 2*time.Second, ackWait[o] })
			first := consume(t, cfg, func(ctx context.Context, _ message.Of[payment]) error {
				begun <- struct{}{}
				select {
				case <-gate:
					return nil
				case <-ctx.Done(): // it began before the drain did, behind the four
					return ctx.Err()
				}
			})
			for range 4 {
				<-begun
			}
			stopped := make(chan error, 1)
			go func() { stopped <- first.stop() }()
			for range 4 {
				gate <- struct{}{}
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			n := first.count(engine.Handled)
			second := consume(t, cfg, func(context.Context, message.Of[payment]) error { return nil })
			second.await(t, engine.Handled, 100-n)
			eventually(t, "all is acknowledged", func() bool {
				return b.pending(partitions...) == 0 || b.pending("tests") == 0
			})
			if again := second.count(engine.Handled); o == "none" && again != 100-n {
				t.Errorf("the first instance handled %d, the next one %d, want the rest", n, nak)
			}
		})
	}
}

// TestADeliveryThatIsMissingIsNotOvertaken: what the server delivered and did not arrive
// is handled before what follows it, and not after AckWait.
func TestADeliveryThatIsMissingIsNotOvertaken(t *testing.T) {
	t.Parallel()
	b, done := startBroker(t), newBook()
	b.publish(0, 1, 1)
	consume(t, b.settings(), func(_ context.Context, m message.Of[payment]) error {
		done.note(m, func() {})
		return nil
	})
	eventually(t, "there is a lane", func() bool { return done.distinct() == 1 })
	conn, stolen := b.client.Conn(), 0
	for n := 1; stolen == 0; n += 20 {
		if n > 1000 {
			t.Fatal("no delivery could be stolen")
		}
		thief, err := conn.SubscribeSync(conn.NewInbox())
		if err != nil {
			t.Fatal(err)
		}
		for _, durable := range partitions {
			c, err := b.client.Consumer(t.Context(), "payments", durable)
			if err != nil {
				t.Fatal(err)
			}
			if pin := c.CachedInfo().PriorityGroups[0].PinnedClientID; pin != "" {
				request := fmt.Sprintf(`{"batch":5,"expires":500000000,"group":%q,"id":%q}`, group, pin)
				if err := conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.payments."+durable, thief.Subject, []byte(request)); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.publish(n, n+20, 1)
		eventually(t, "all is handled", func() bool { return done.distinct() == n+20 })
		for m, err := thief.NextMsg(time.Second); err == nil; m, err = thief.NextMsg(10 * time.Millisecond) {
			if m.Header.Get("Status") == "" {
				stolen++
			}
		}
		done.check(t, n+20, 1)
	}
}

// TestAMessageWithManyHeadersBecomesADeadLetter with all of them, as far as a stream takes
// them. One that has more is never lost: it is refused, and why is said, until somebody
// makes room.
func TestAMessageWithManyHeadersBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	const value = "x"
	for _, c := range []struct {
		size int
		of   string
		kind engine.EventKind
	}{{40 << 10, "z", engine.DeadLettered}, {40 << 10, "\"", engine.DeadLettered}, {64<<10 - 100, "z", engine.DeadLetterRefused}} {
		t.Run(fmt.Sprint(c.size, c.of), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			r := consume(t, b.settings(), succeed)
			eventually(t, "there is a stream", func() bool {
				_, err := b.client.Stream(t.Context(), "payments")
				return err == nil
			})
			sent := &nats.Msg{Subject: "payments.0", Header: nats.Header{"z": {strings.Repeat(c.of, c.size)}}, Data: []byte(value)}
			if _, err := b.client.PublishMsg(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			r.await(t, c.kind, 1)
			if c.kind == engine.DeadLetterRefused {
				if n := b.pending(partitions...); n != 1 || !r.log.has("dead letter refused", "too large", "headers", "64 KiB") {
					t.Errorf("%d messages are not acknowledged, want the one", n)
				}
				return
			}
			stream, layout, err := EnsureStream(t.Context(), b.client, b.settings(), "payments.dlq", false)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := stream.GetMsg(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range fields(raw.Header) {
				got[f.Key] = string(f.Value)
			}
			if got["z"] != sent.Header.Get("z") || got["forge-dlq-topic"] != "payments" || got["forge-dlq-encoding"] != "base64" || len(layout.subjects) != 1 {
				t.Errorf("of the headers %d bytes are there, and %q", len(got["z"]), got["forge-dlq-topic"])
			}
		})
	}
}
