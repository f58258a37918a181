package jetstream

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func succeed(context.Context, message.Of[payment]) error { return nil }

// TestABrokerThatIsAwayIsWaitedFor, at the start and in the middle, and readiness says so.
func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			b.publish(0, 10, 10)
			b.leave(true)
			r := consume(t, b.settings(ordering(o)), succeed)
			eventually(t, "not ready, and why", func() bool {
				err := r.Ready()
				return err != nil && strings.Contains(err.Error(), "no connection to NATS at "+b.url())
			})
			b.leave(false)
			r.await(t, engine.Handled, 10)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			b.leave(true)
			eventually(t, "not ready", func() bool { return r.Ready() != nil })
			b.publish(10, 20, 10)
			b.leave(false)
			r.await(t, engine.Handled, 20)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if !r.log.has("level=WARN", "not consuming, retrying", b.url()) || !r.log.has("level=INFO", "consuming again") {
				t.Error("the log does not tell of the outage, or of its end")
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAServerThatIsStartedAgainGoesOnWithWhatItHad.
func TestAServerThatIsStartedAgainGoesOnWithWhatItHad(t *testing.T) {
	t.Parallel()
	b, done := startBroker(t), newBook()
	r := consume(t, b.settings(), func(_ context.Context, m message.Of[payment]) error {
		done.note(m, func() {})
		return nil
	})
	b.publish(0, 100, 5)
	r.await(t, engine.Handled, 100)
	b.stop()
	b.start()
	eventually(t, "the other client is back", func() bool { return b.client.Conn().IsConnected() })
	b.publish(100, 200, 5)
	eventually(t, "all is handled", func() bool { return done.distinct() == 200 })
	done.check(t, 200, 5)
}

// TestStoppingWithoutABrokerEnds, and is an error only when work is left.
func TestStoppingWithoutABrokerEnds(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.leave(true)
	r := consume(t, b.settings(), succeed)
	eventually(t, "it has tried", func() bool { return r.Ready() != nil && strings.Contains(r.Ready().Error(), "no connection") })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestWhatTakesLongIsNotDeliveredAgain: the server is told that it is worked on.
func TestWhatTakesLongIsNotDeliveredAgain(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b, gate := startBroker(t), make(chan struct{})
			b.publish(0, 5, 1) // all but the first wait behind it, with an order
			r := consume(t, b.settings(ordering(o), func(c *config.JetStream) { c.AckWait = 2 * time.Second }), func(context.Context, message.Of[payment]) error {
				<-gate
				return nil
			})
			eventually(t, "it runs", func() bool { return r.Stats().Busy > 0 && r.Stats().Records == 5 })
			durable := b.durableOf(5)
			for range 70 { // three times as long as the server waits
				<-time.After(100 * time.Millisecond)
				c, err := b.client.Consumer(t.Context(), "payments", durable)
				if err != nil {
					t.Fatal(err)
				}
				if n := c.CachedInfo().NumRedelivered; n > 0 {
					t.Fatalf("%d messages were delivered again", n)
				}
			}
			close(gate)
			r.await(t, engine.Handled, 5)
			if n := r.Stats().Assigned; n != 1 {
				t.Errorf("%d lanes, want one: the server went on serving this instance", n)
			}
		})
	}
}

// durableOf returns the durable consumer that has n messages under way.
func (b *broker) durableOf(n int) string {
	b.t.Helper()
	for _, d := range slices.Concat(partitions, []string{"tests"}) {
		if c, err := b.client.Consumer(b.t.Context(), "payments", d); err == nil && c.CachedInfo().NumAckPending == n {
			return d
		}
	}
	b.t.Fatal("no durable consumer has them")
	return ""
}

// TestTwoInstancesShareThePartitionsInOrder, and one that dies is followed by the other.
func TestTwoInstancesShareThePartitionsInOrder(t *testing.T) {
	t.Parallel()
	const accounts = 30
	b, done := startBroker(t), newBook()
	handle := func(counter *atomic.Int32) func(context.Context, message.Of[payment]) error {
		return func(_ context.Context, m message.Of[payment]) error {
			done.note(m, func() {})
			counter.Add(1)
			return nil
		}
	}
	var byFirst, bySecond atomic.Int32
	first := consume(t, b.settings(), handle(&byFirst))
	b.publish(0, 300, accounts)
	first.await(t, engine.Handled, 300)
	second := consume(t, b.settings(), handle(&bySecond))
	total := 300
	for deadline := time.Now().Add(40 * time.Second); bySecond.Load() == 0; total += accounts {
		if time.Now().After(deadline) {
			t.Fatal("the second instance is given no partition")
		}
		b.publish(total, total+accounts, accounts)
		eventually(t, "all is handled", func() bool { return done.distinct() == total+accounts })
	}
	if err := first.stop(); err != nil {
		t.Error(err)
	}
	b.publish(total, total+300, accounts)
	eventually(t, "all is handled by the other", func() bool { return done.distinct() == total+300 })
	done.check(t, total+300, accounts)
	if err := second.stop(); err != nil {
		t.Error(err)
	}
}

// TestNothingOfALostLaneIsAcknowledged: what is done after it comes again.
func TestNothingOfALostLaneIsAcknowledged(t *testing.T) {
	t.Parallel()
	b, gate := startBroker(t), make(chan struct{})
	b.publish(0, 1, 1)
	var runs atomic.Int32
	r := consume(t, b.settings(), func(context.Context, message.Of[payment]) error {
		if runs.Add(1) == 1 {
			<-gate // whatever becomes of its context
		}
		return nil
	})
	eventually(t, "it runs", func() bool { return runs.Load() == 1 })
	for _, p := range r.all() {
		if l := p.assignment.Load(); l != nil {
			l.lose()
			l.Ack(1)
			if err := l.Commit(t.Context()); message.OutcomeOf(err) != message.OutcomePermanent {
				t.Errorf("a commit after the loss: %v", err)
			}
		}
	}
	if n := b.pending(partitions...); n != 1 {
		t.Errorf("%d messages are not acknowledged, want the one", n)
	}
	close(gate)
	eventually(t, "it runs again, and is acknowledged", func() bool { return runs.Load() == 2 && b.pending(partitions...) == 0 })
}

// TestALaneThatHoldsTooMuchIsPausedAndKeepsItsPartition, or without an order what it has.
func TestALaneThatHoldsTooMuchIsPausedAndKeepsItsPartition(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "none"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			b, gate := startBroker(t), make(chan struct{})
			b.publish(0, 600, 1)
			r := consume(t, b.settings(ordering(o), func(c *config.JetStream) { c.MaxPollRecords, c.AckWait = 50, 2*time.Second }), func(context.Context, message.Of[payment]) error {
				<-gate
				return nil
			})
			eventually(t, "it is paused", func() bool { return r.Stats().Paused == 1 })
			<-time.After(5 * time.Second) // more than twice as long as the server waits for an instance
			if s := r.Stats(); s.Records > 150 || s.Assigned != 1 {
				t.Errorf("%d messages are held, %d lanes were begun: want at most 150, and one", s.Records, s.Assigned)
			}
			close(gate)
			r.await(t, engine.Handled, 600)
			if n := r.count(engine.Handled); n != 600 || r.Stats().Assigned != 1 {
				t.Errorf("%d were handled in %d lanes, want each once in one", n, r.Stats().Assigned)
			}
		})
	}
}

// TestAStreamThatIsNotTheTopicsIsRefused, by its name, with what to do.
func TestAStreamThatIsNotTheTopicsIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]jetstream.StreamConfig{
		"subjects":  {Name: "payments", Subjects: []string{"transfers.*"}},
		"retention": {Name: "payments", Subjects: []string{"payments.0"}, Retention: jetstream.WorkQueuePolicy},
		"overlap":   {Name: "others", Subjects: []string{"payments.>"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			if _, err := b.client.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			registry := newRegistry()
			message.Register(registry, "payments", message.TypedHandlerFunc[payment](succeed))
			consumer, err := NewConsumer(b.settings(), registry, newTestPublisher(t, b.settings()), quiet)
			if err != nil {
				t.Fatal(err)
			}
			if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "payments") || !strings.Contains(err.Error(), c.Name) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A server that hangs, or is away, does not say whether it knows what was acknowledged last:
// who stopped the service is told so, and where. With nothing acknowledged there is nothing
// to be told.
func TestAStopThatIsNotConfirmedIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n      int
		isHung bool
	}{{0, true}, {1, true}, {0, false}, {1, false}} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			runs, release := make(chan struct{}, 1), make(chan struct{})
			cfg := b.settings(func(cfg *config.JetStream) { cfg.AckWait, cfg.DrainTimeout = time.Minute, time.Second })
			r := consume(t, cfg, func(context.Context, message.Of[payment]) error {
				runs <- struct{}{}
				<-release
				return nil
			})
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if c.n > 0 {
				b.publish(0, c.n, 1)
				<-runs
			}
			if c.isHung {
				b.deaf.Store(true)
			} else {
				b.leave(true)
			}
			close(release)
			r.await(t, engine.Handled, c.n)
			began := time.Now()
			err := r.stop()
			if c.n == 0 && err != nil {
				t.Error(err)
			}
			if c.n > 0 && (err == nil || !strings.Contains(err.Error(), "tests-") || !strings.Contains(err.Error(), "not confirmed") || !strings.Contains(err.Error(), b.url())) {
				t.Errorf("it ended with %v, want the durable consumer, and that its acknowledgements are not confirmed by %s", err, b.url())
			}
			t.Logf("it took %v", time.Since(began))
		})
	}
}
