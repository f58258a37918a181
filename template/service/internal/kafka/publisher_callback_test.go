package kafka

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestACallbackThatPanicsIsLoggedAndPublishingGoesOn(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	var log bytes.Buffer // written by one lane, and read after it
	p := NewPublisher(settings(t, cluster), "tests", newRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	var first message.Delivery
	p.PublishAsync(t.Context(), transfer{Account: "acc-1", Note: "nobody's business"}, func(d message.Delivery, _ error) {
		first = d
		panic("no such row")
	})
	f := newFates()
	p.PublishAsync(t.Context(), transfer{Account: "acc-1", Number: 1}, f.of(1))
	if err := p.Close(p.cfg.DrainTimeout); err != nil {
		t.Fatal(err)
	}
	if f.seen[1] != 1 || f.errs[1] != nil {
		t.Errorf("the next event had %d calls, the last with %v", f.seen[1], f.errs[1])
	}
	said := log.String()
	for _, want := range []string{"level=ERROR", "topic=transfers", "key=acc-1", "message_id=" + first.MessageID, "no such row", "publisher_callback_test.go"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in the log: %s", want, said)
		}
	}
	if strings.Contains(said, "business") {
		t.Errorf("the log has the event's body: %s", said)
	}
	for _, e := range []message.Event{transfer{Account: "acc-2"}, nil} { // it is closed, and an event of none
		log.Reset()
		p.PublishAsync(t.Context(), e, func(message.Delivery, error) { panic("at once") })
		if said := log.String(); !strings.Contains(said, "at once") {
			t.Errorf("of an event that was not accepted, the log has %q", said)
		}
	}
}

// A callback may end its goroutine: t.FailNow does so.
func TestACallbackThatEndsItsGoroutineHoldsNoOtherBack(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster))
	f := newFates()
	for i := range 3 {
		p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, func(d message.Delivery, err error) {
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
}

func TestAnotherGoroutineMayPublishForACallback(t *testing.T) {
	t.Parallel()
	const events = 300
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster))
	p.setCapacity(4000) // room for a few
	f := newFates()
	var followed sync.WaitGroup
	for i := range events {
		followed.Add(1)
		p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, func(d message.Delivery, err error) {
			f.of(i)(d, err)
			go func() {
				defer followed.Done()
				p.PublishAsync(t.Context(), transfer{Account: "b", Number: events + i}, f.of(events+i))
			}()
		})
	}
	followed.Wait()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.check(t, 2*events, published)
	if n := len(readAll(t, cluster, "transfers", 2*events)); n != 2*events {
		t.Errorf("%d events are there, want %d", n, 2*events)
	}
}

func TestTheContextEndsACallbacksWaitForRoom(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "transfers"))
	p := newPublisher(t, quick(t, cluster))
	p.setCapacity(4000)
	const others, own = 31, 31 // events, and the number of the callback's
	f := newFates()
	full := make(chan struct{})
	p.PublishAsync(t.Context(), transfer{Account: "a", Number: 0}, func(d message.Delivery, err error) {
		f.of(0)(d, err)
		<-full
		soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		p.PublishAsync(soon, transfer{Account: "a", Number: own}, f.of(own))
	})
	var filled sync.WaitGroup
	filled.Go(func() {
		for i := 1; i < others; i++ {
			p.PublishAsync(t.Context(), transfer{Account: "a", Number: i}, f.of(i))
		}
	})
	eventually(t, "no room", func() bool { return f.known() > 0 && !hasRoom(p, 1000) })
	close(full)
	filled.Wait()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.errs[own]; err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("the callback's event: %v, want that there was no room", err)
	}
	f.check(t, others, published)
}
