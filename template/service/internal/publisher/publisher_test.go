package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestPublishingWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		p.setCapacity(20_000)
		transport.hold()
		f := newFates()
		full, cancel := context.WithCancel(t.Context())
		n := 0
		go func() {
			for ; full.Err() == nil; n++ {
				p.PublishAsync(full, transfer{Number: n, Note: strings.Repeat("x", 1000)}, f.of(n))
			}
			n--
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if n < 5 || n > 20 {
			t.Errorf("%d events of 1 kB went into 20,000 bytes", n)
		}
		if err := f.errs[n]; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no room") {
			t.Errorf("the event that found no room: %v", err)
		}
		done := make(chan struct{})
		go func() {
			p.PublishAsync(t.Context(), transfer{Note: strings.Repeat("x", 3000)}, f.of(n+1))
			close(done)
		}()
		transport.release()
		<-done
		synctest.Wait()
		delete(f.errs, n)
		for i, err := range f.errs {
			if err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
		if len(f.errs) != n+1 || !p.hasRoom(p.capacity) {
			t.Errorf("%d events were published, want %d; all room is free: %t", len(f.errs), n+1, p.hasRoom(p.capacity))
		}
	})
}

func TestAnEventLargerThanTheRoomGoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		p.setCapacity(2000)
		f := newFates()
		for i := range 3 {
			p.PublishAsync(t.Context(), transfer{Number: i, Note: strings.Repeat("x", 5000)}, f.of(i))
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.check(t, 3, published)
	})
}

// Events whose callbacks wait behind one that does not return take room. They hold
// up no dead letter, and an event for no longer than its own time.
func TestWhoHasNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		p.Timeout = 300 * time.Millisecond
		p.setCapacity(2000)
		release := make(chan struct{})
		p.PublishAsync(t.Context(), transfer{}, func(message.Delivery, error) { <-release })
		synctest.Wait()
		p.PublishAsync(t.Context(), transfer{Note: strings.Repeat("x", 3000)}, func(message.Delivery, error) {})
		letter := &message.Message{Topic: "payments.dlq", Value: []byte("v")}
		if err := p.Send(t.Context(), letter); err != nil || letter.Partition != 3 || letter.Offset != 2 {
			t.Errorf("the dead letter: %v, at %d@%d", err, letter.Partition, letter.Offset)
		}
		began := time.Now()
		if err := p.Publish(t.Context(), transfer{}); err == nil || !strings.Contains(err.Error(), "no room") || message.OutcomeOf(err) != message.OutcomeRetry {
			t.Errorf("the event: %v, want a retry since there is no room", err)
		}
		if waited := time.Since(began); waited != p.Timeout {
			t.Errorf("the event waits for room for %v", waited)
		}
		close(release)
	})
}

// A dead letter waits behind no event that waits for room.
func TestADeadLetterIsFirstWhereEventsWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		p.setCapacity(2000)
		release := make(chan struct{})
		large := transfer{Note: strings.Repeat("x", 3000)}
		p.PublishAsync(t.Context(), large, func(message.Delivery, error) { <-release })
		synctest.Wait()
		p.PublishAsync(t.Context(), large, func(message.Delivery, error) {}) // has the room until its turn comes
		waited := make(chan error, 1)
		go func() { waited <- p.Publish(t.Context(), large) }()
		synctest.Wait() // the event waits for room
		began := time.Now()
		if err := p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte("v")}); err != nil || time.Since(began) != 0 {
			t.Errorf("the dead letter: %v after %v", err, time.Since(began))
		}
		close(release)
		if err := <-waited; err != nil {
			t.Errorf("the event: %v", err)
		}
	})
}

func TestFlushWaitsForWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		if err := p.Flush(t.Context()); err != nil {
			t.Errorf("with nothing on its way: %v", err)
		}
		transport.hold()
		f := newFates()
		p.PublishAsync(t.Context(), transfer{}, f.of(0))
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an event on its way: %v", err)
		}
		flushed := make(chan error, 2)
		for range 2 {
			go func() { flushed <- p.Flush(t.Context()) }()
		}
		if synctest.Wait(); len(flushed) > 0 {
			t.Error("a flush does not wait for what an earlier one waits for")
		}
		transport.release()
		for range 2 {
			if err := <-flushed; err != nil {
				t.Error(err)
			}
		}
		f.check(t, 1, published)
	})
}

func TestFlushDoesNotWaitForWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		landed, over, flushed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		p.PublishAsync(t.Context(), transfer{}, func(message.Delivery, error) { <-landed })
		go func() { flushed <- p.Flush(t.Context()) }()
		synctest.Wait() // the flush has begun
		p.PublishAsync(t.Context(), transfer{}, func(message.Delivery, error) { <-over })
		close(landed)
		if err := <-flushed; err != nil {
			t.Error(err)
		}
		close(over)
	})
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		transport.hold()
		published, closed := make(chan error, 1), make(chan error, 1)
		go func() { published <- p.Send(t.Context(), &message.Message{Topic: "payments", Value: []byte("v")}) }()
		synctest.Wait()
		go func() { closed <- p.Close(time.Second) }()
		synctest.Wait()
		var seen []error
		p.Observe = func(_ string, err error) { seen = append(seen, err) }
		if err := p.Send(t.Context(), &message.Message{Topic: "payments"}); !errors.Is(err, ErrClosed) || message.OutcomeOf(err) != message.OutcomeRetry {
			t.Errorf("what comes after Close: %v, want ErrClosed", err)
		}
		if err := p.Publish(t.Context(), transfer{}); !errors.Is(err, ErrClosed) || !p.hasRoom(p.capacity) {
			t.Errorf("an event after Close: %v, want ErrClosed; all room is free: %t", err, p.hasRoom(p.capacity))
		}
		if len(seen) != 2 || !errors.Is(seen[0], ErrClosed) || !errors.Is(seen[1], ErrClosed) {
			t.Errorf("Observe saw %v", seen)
		}
		transport.release()
		if err := <-published; err != nil {
			t.Errorf("what was under way: %v", err)
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
		if err := p.Close(time.Second); err != nil {
			t.Errorf("the second close: %v", err)
		}
	})
}

func TestCloseEndsTheWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		p.setCapacity(1024)
		transport.hold()
		f := newFates()
		p.PublishAsync(t.Context(), transfer{Note: strings.Repeat("x", 2000)}, f.of(0))
		waiting := make(chan error, 1)
		go func() { waiting <- p.Publish(context.Background(), transfer{}) }()
		synctest.Wait()
		if err := p.Close(time.Second); err == nil || err.Error() != "publisher closed after 1s, messages not published: 1" {
			t.Errorf("Close says %v of the event it abandoned", err)
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "no room") {
			t.Errorf("who waited for room got %v", err)
		}
		f.check(t, 1, func(err error) bool { return errors.Is(err, ErrClosed) })
	})
}

// A callback that does not return holds up those behind it, for what was published and for
// what was lost. Each is called all the same, and each that was lost is logged once.
func TestCloseReturnsWhatASlowCallbackHeldUp(t *testing.T) {
	for name, want := range map[string]error{"a callback for what was published": nil, "a callback for what was lost": ErrClosed} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, transport, log := newPublisher(t)
				if want != nil {
					transport.hold()
				}
				f := newFates()
				over := make(chan struct{})
				p.PublishAsync(t.Context(), transfer{}, func(d message.Delivery, err error) { <-over; f.of(0)(d, err) })
				for i := 1; i < 3; i++ {
					p.PublishAsync(t.Context(), transfer{Number: i}, f.of(i))
				}
				p.PublishAsync(t.Context(), transfer{}, nil)
				lost := 0
				if want != nil {
					lost = 4
				}
				err := p.Close(time.Second)
				if says := fmt.Sprintf("messages not published: %d", lost); lost > 0 && (err == nil || !strings.Contains(err.Error(), says)) || lost == 0 && err != nil {
					t.Errorf("Close says %v, want that %s", err, says)
				}
				close(over)
				synctest.Wait()
				f.check(t, 3, func(err error) bool { return errors.Is(err, want) })
				said := log.String()
				if !strings.Contains(said, "callback has not returned") || strings.Count(said, "not published\" topic=transfers key=acc-1 message_id=") != lost {
					t.Errorf("the log has\n%s", said)
				}
			})
		})
	}
}

// A handler that runs again publishes again what it published: by then its first event must
// be given up.
func TestAnEventHasLessTimeThanItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		transport.hold()
		p.HandlerTimeout = time.Second
		go func() { _ = p.Publish(t.Context(), transfer{}) }()
		synctest.Wait()
		p.PublishAsync(t.Context(), transfer{}, nil)
		held := transport.take()
		for i, want := range []time.Duration{900 * time.Millisecond, time.Minute} {
			if o := held[i]; o.Timeout != want || time.Until(o.Deadline) != want || !o.IsEvent {
				t.Errorf("event %d has %v, want %v", i, o.Timeout, want)
			}
			held[i].Done(nil)
		}
	})
}

// Who waits no longer is told what a handler may return. The event is written all the same.
func TestWhoWaitsNoLongerMayReturnWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, transport, _ := newPublisher(t)
		transport.hold()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Publish(short, transfer{}); !errors.Is(err, context.DeadlineExceeded) || message.OutcomeOf(err) != message.OutcomeRetry {
			t.Errorf("error %v, want one that asks for a retry", err)
		}
		transport.release()
		if err := p.Flush(t.Context()); err != nil || transport.offset != 1 {
			t.Errorf("%d events were written: %v", transport.offset, err)
		}
	})
}
