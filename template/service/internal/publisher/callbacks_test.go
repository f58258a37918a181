package publisher

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestACallbackWaitsForTheOneBeforeIt proves that callbacks run one after another, in the
// order in which they came.
func TestACallbackWaitsForTheOneBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		release := make(chan struct{})
		var called []int // by one callback at a time
		for i := range 3 {
			p.PublishAsync(t.Context(), transfer{Number: i}, func(d message.Delivery, _ error) { called = append(called, int(d.Offset)); <-release })
		}
		for i := range 3 {
			synctest.Wait()
			if want := []int{0, 1, 2}[:i+1]; !slices.Equal(called, want) {
				t.Errorf("called %v, want %v", called, want)
			}
			release <- struct{}{}
		}
	})
}

func TestACallbackThatPanicsIsLoggedAndPublishingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, log := newPublisher(t)
		var first message.Delivery
		p.PublishAsync(t.Context(), transfer{Note: "nobody's business"}, func(d message.Delivery, _ error) {
			first = d
			panic("no such row")
		})
		f := newFates()
		p.PublishAsync(t.Context(), transfer{}, f.of(0))
		if err := p.Close(time.Second); err != nil {
			t.Fatal(err)
		}
		f.check(t, 1, published)
		if f.last.Partition != 3 || f.last.Offset != 1 || f.last.Topic != "transfers" || f.last.Key != "acc-1" {
			t.Errorf("the next event landed at %+v", f.last)
		}
		said := log.String()
		for _, want := range []string{"level=ERROR", "topic=transfers", "key=acc-1", "message_id=" + first.MessageID, "no such row", "callbacks_test.go"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not in the log: %s", want, said)
			}
		}
		if strings.Contains(said, "business") {
			t.Errorf("the log has the event's body: %s", said)
		}
		for text, e := range map[string]message.Event{"it is closed": transfer{}, "an event of none": nil} {
			p.PublishAsync(t.Context(), e, func(message.Delivery, error) { panic(text) })
			if said := log.String(); !strings.Contains(said, text) {
				t.Errorf("of an event that was not accepted, the log has %q", said)
			}
		}
	})
}

// A callback may end its goroutine: t.FailNow does so.
func TestACallbackThatEndsItsGoroutineHoldsNoOtherBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		f := newFates()
		for i := range 3 {
			p.PublishAsync(t.Context(), transfer{Number: i}, func(d message.Delivery, err error) {
				f.of(i)(d, err)
				runtime.Goexit()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		f.check(t, 3, published)
	})
}

func TestAnotherGoroutineMayPublishForACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 300
		p, _, _ := newPublisher(t)
		p.setCapacity(4000) // room for a few
		f := newFates()
		for i := range events {
			p.PublishAsync(t.Context(), transfer{Number: i}, func(d message.Delivery, err error) {
				f.of(i)(d, err)
				go p.PublishAsync(t.Context(), transfer{Number: events + i}, f.of(events+i))
			})
		}
		synctest.Wait()
		f.check(t, 2*events, published)
	})
}

func TestTheContextEndsACallbacksWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newPublisher(t)
		p.setCapacity(4000)
		const others, own = 31, 31 // events, and the number of the callback's
		f := newFates()
		full := make(chan struct{})
		p.PublishAsync(t.Context(), transfer{}, func(d message.Delivery, err error) {
			f.of(0)(d, err)
			<-full
			soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			p.PublishAsync(soon, transfer{Number: own}, func(_ message.Delivery, err error) {
				if err == nil || !strings.Contains(err.Error(), "no room") {
					t.Errorf("the callback's event: %v, want that there was no room", err)
				}
			})
		})
		go func() {
			for i := 1; i < others; i++ {
				p.PublishAsync(t.Context(), transfer{Number: i}, f.of(i))
			}
		}()
		synctest.Wait()
		if p.hasRoom(1000) {
			t.Fatal("there is room: the test proves nothing")
		}
		close(full)
		time.Sleep(time.Second)
		synctest.Wait()
		f.check(t, others, published)
	})
}
