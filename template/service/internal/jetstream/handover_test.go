package jetstream

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// handled returns how often handlers ended.
func (b *book) handled() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range b.of {
		n += len(all)
	}
	return n
}

// TestWhatIsDoneDoesNotComeAgainAfterAStop in the middle of work: also what was done behind
// a message that was not begun, and while more is on its way. The order of keys stays.
func TestWhatIsDoneDoesNotComeAgainAfterAStop(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "partition"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			const total, accounts, stops = 1200, 60, 5
			b, done := startBroker(t), newBook()
			cfg := b.settings(ordering(o), func(c *config.JetStream) { c.AckWait = 5 * time.Minute; c.MaxPollRecords = 200 })
			var published sync.WaitGroup
			published.Go(func() { b.publish(0, total, accounts) })
			for n := range stops + 1 {
				r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
					done.note(m, func() { time.Sleep(time.Duration(1+m.Body.N%7) * time.Millisecond) })
					return nil
				})
				eventually(t, "some more is handled", func() bool { return done.distinct() >= min(total, (n+1)*total/(stops+1)) })
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				if r.log.has("level=WARN") {
					t.Errorf("stop %d: %s", n, r.log)
				}
			}
			published.Wait()
			done.check(t, total, accounts)
			if n := done.handled(); n != total {
				t.Errorf("%d were handled, want each of %d once", n, total)
			}
			if n := b.pending(partitions...); n != 0 {
				t.Errorf("%d messages are not acknowledged", n)
			}
		})
	}
}

// TestANumberThatIsGivenOutAgainIsOfAnotherMessage: a server that lost its last messages, with
// the machine's memory, gives their numbers to new ones.
func TestANumberThatIsGivenOutAgainIsOfAnotherMessage(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := memory{last: 200, until: now, open: map[int64]bool{150: true}}
	of := func(offset uint64, at time.Time) *jetstream.MsgMetadata {
		return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: offset}, Timestamp: at}
	}
	if !m.isDone(of(180, now.Add(-time.Second))) || !m.isDone(of(200, now)) || m.isDone(of(150, now.Add(-time.Minute))) || m.isDone(of(201, now.Add(time.Second))) {
		t.Error("what was done is not known")
	}
	for offset := uint64(180); offset < 220; offset++ {
		if m.isDone(of(offset, now.Add(time.Duration(offset)*time.Millisecond))) {
			t.Fatalf("the new message with the number %d is taken for done", offset)
		}
	}
}

// TestWhatIsDoneBehindOthersIsNotHandledAgainInTheNextLane of the same instance: the server
// forgets that it was acknowledged, this instance does not.
func TestWhatIsDoneBehindOthersIsNotHandledAgainInTheNextLane(t *testing.T) {
	t.Parallel()
	b, done, gate := startBroker(t), newBook(), make(chan struct{})
	cfg := b.settings(func(c *config.JetStream) { c.Partitions, c.AckWait = 1, time.Minute })
	if _, _, err := EnsureStream(t.Context(), b.client, cfg, "payments", true); err != nil {
		t.Fatal(err)
	}
	b.publish(0, 10, 10)
	r := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
		if m.Body.N == 0 {
			select {
			case <-gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		done.note(m, func() {})
		return nil
	})
	eventually(t, "what is behind the first is acknowledged", func() bool { return done.handled() == 9 && b.pending("tests-0") == 1 })
	r.assigned(t).lose()
	close(gate)
	b.publish(10, 20, 10)
	eventually(t, "all is handled", func() bool { return done.distinct() == 20 })
	eventually(t, "all is acknowledged", func() bool { return done.distinct() == 20 && b.pending("tests-0") == 0 })
	if n := done.handled(); n != 20 {
		t.Errorf("%d were handled, want each of 20 once", n)
	}
	done.check(t, 20, 10)
}

// TestADeliveryThatIsLostIsHandledWithoutAnotherBehindIt, long before AckWait: as what was on
// its way when a connection was cut.
func TestADeliveryThatIsLostIsHandledWithoutAnotherBehindIt(t *testing.T) {
	t.Parallel()
	b, done := startBroker(t), newBook()
	cfg := b.settings(func(c *config.JetStream) { c.Partitions, c.AckWait = 1, time.Minute })
	if _, _, err := EnsureStream(t.Context(), b.client, cfg, "payments", true); err != nil {
		t.Fatal(err)
	}
	b.publish(0, 1, 1)
	consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
		done.note(m, func() {})
		return nil
	})
	eventually(t, "there is a lane", func() bool { return done.distinct() == 1 })
	b.deaf.Store(true)
	b.publish(1, 2, 1)
	eventually(t, "it is delivered", func() bool { return b.pending("tests-0") == 1 })
	b.deaf.Store(false)
	eventually(t, "it is handled", func() bool { return done.distinct() == 2 })
}

// TestAnotherInstanceHasOnlyWhatIsNotDone of what the one before it gave back, also if a
// delivery is missing at its end.
func TestAnotherInstanceHasOnlyWhatIsNotDone(t *testing.T) {
	t.Parallel()
	for _, isMissing := range []bool{false, true} {
		t.Run(strconv.FormatBool(isMissing), func(t *testing.T) {
			t.Parallel()
			b, done := startBroker(t), newBook()
			cfg := b.settings(func(c *config.JetStream) {
				c.Partitions, c.AckWait, c.DrainTimeout, c.CommitInterval = 1, time.Minute, time.Second, time.Minute
			})
			if _, _, err := EnsureStream(t.Context(), b.client, cfg, "payments", true); err != nil {
				t.Fatal(err)
			}
			b.publish(0, 10, 10)
			first := consume(t, cfg, func(ctx context.Context, m message.Of[payment]) error {
				if m.Body.N == 0 {
					<-ctx.Done()
					return ctx.Err()
				}
				done.note(m, func() {})
				return nil
			})
			eventually(t, "what is behind the first is acknowledged", func() bool { return done.handled() == 9 && b.pending("tests-0") == 1 })
			total := 10
			if isMissing {
				b.deaf.Store(true)
				b.publish(10, 11, 11)
				eventually(t, "one more is delivered", func() bool { return b.pending("tests-0") == 2 })
				b.deaf.Store(false)
				total = 11
			}
			if err := first.stop(); err != nil {
				t.Error(err)
			}
			consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
				done.note(m, func() {})
				return nil
			})
			eventually(t, "all is acknowledged", func() bool { return done.distinct() == total && b.pending("tests-0") == 0 })
			if n := done.handled(); n != total {
				t.Errorf("%d were handled, want each of %d once", n, total)
			}
		})
	}
}

// TestWhatSomebodyWantsOnceMoreIsHandledAgain: a durable consumer that is set back, or made
// anew, begins there, whatever was known as done.
func TestWhatSomebodyWantsOnceMoreIsHandledAgain(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]func(s jetstream.Stream) error{
		"set back": func(s jetstream.Stream) error {
			_, err := s.ResetConsumerToSequence(t.Context(), "tests-0", 1)
			return err
		},
		"made anew": func(s jetstream.Stream) error { return s.DeleteConsumer(t.Context(), "tests-0") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			cfg := b.settings(func(c *config.JetStream) { c.Partitions = 1 })
			stream, _, err := EnsureStream(t.Context(), b.client, cfg, "payments", true)
			if err != nil {
				t.Fatal(err)
			}
			b.publish(0, 10, 10)
			for range 2 {
				r := consume(t, cfg, succeed)
				r.await(t, engine.Handled, 10)
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				if err := again(stream); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestADurableConsumerThatIsDeletedBeginsWithAll, also with JETSTREAM_DELIVER=new: what is new
// is not known any more, nor what is done.
func TestADurableConsumerThatIsDeletedBeginsWithAll(t *testing.T) {
	t.Parallel()
	for deliver, first := range map[string]int{"all": 15, "new": 5} {
		t.Run(deliver, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t)
			cfg := b.settings(func(c *config.JetStream) { c.Partitions, c.Deliver = 1, deliver })
			stream, _, err := EnsureStream(t.Context(), b.client, cfg, "payments", true)
			if err != nil {
				t.Fatal(err)
			}
			b.publish(0, 10, 10)
			r := consume(t, cfg, succeed)
			eventually(t, "there is a durable consumer", func() bool { return b.pending("tests-0") == 0 })
			b.publish(10, 15, 10)
			r.await(t, engine.Handled, first)
			eventually(t, "all is acknowledged", func() bool { return b.pending("tests-0") == 0 })
			if n := r.count(engine.Handled); n != first {
				t.Errorf("%d were handled, want %d", n, first)
			}
			if err := stream.DeleteConsumer(t.Context(), "tests-0"); err != nil {
				t.Fatal(err)
			}
			r.await(t, engine.Handled, first+15)
		})
	}
}
