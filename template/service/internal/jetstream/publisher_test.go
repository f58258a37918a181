package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// read returns the first n messages of a topic, as another client reads them.
func (b *broker) read(topic string, n int) (all []message.Message) {
	b.t.Helper()
	stream, l, err := EnsureStream(b.t.Context(), b.client, b.settings(), topic, false)
	if err != nil {
		b.t.Fatal(err)
	}
	reader, err := stream.OrderedConsumer(b.t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.t.Fatal(err)
	}
	messages, err := reader.Messages()
	if err != nil {
		b.t.Fatal(err)
	}
	defer messages.Stop()
	for len(all) < n {
		m, err := messages.Next(jetstream.NextMaxWait(10 * time.Second))
		if err != nil {
			b.t.Fatalf("%d messages of %s, want %d: %v", len(all), topic, n, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, NewMessage(l, m, meta))
	}
	return all
}

// TestAMessageArrivesAsItWasSent, to the byte: keys, values and headers that are none,
// empty, or anything at all.
func TestAMessageArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p := newTestPublisher(t, b.settings())
	field := func(name, value string) message.Field { return message.Field{Key: name, Value: []byte(value)} }
	at := time.Date(2026, 7, 1, 12, 0, 0, 5000, time.UTC)
	for i, want := range []message.Message{
		{Value: []byte("a")},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("k\x00\r\n\xff"), Value: []byte{0, 0xff}, Time: at},
		{Key: []byte("a b%2"), Headers: []message.Field{field("traceparent", "00-1"), field("baggage", "a=b")}},
		{Value: []byte("v"), Headers: []message.Field{field("a", "1"), field("a", "2"), field("b", "")}},
		{Value: []byte("v"), Headers: []message.Field{field("b", strings.Repeat("=", 50<<10)), field("a", "1"), field("b", "\x00"), field("a", "2")}},
		{Headers: []message.Field{field("Status", "503"), field("Nats-Msg-Id", "x"), field("", "\r\n"), field("ü", " \xff ")}},
		{Value: []byte{}, Headers: []message.Field{field("Status", "404"), field("Description", "No Messages")}},
	} {
		sent := want
		sent.Topic = "payments"
		if err := p.Send(t.Context(), &sent); err != nil {
			t.Fatal(err)
		}
		got := b.read("payments", i+1)[i]
		if got.Partition != sent.Partition || got.Offset != sent.Offset || got.Offset != int64(i+1) {
			t.Errorf("%d: landed at %d@%d, was told %d@%d", i, got.Partition, got.Offset, sent.Partition, sent.Offset)
		}
		if fmt.Sprintf("%#v %#v %#v", got.Key, got.Value, got.Headers) != fmt.Sprintf("%#v %#v %#v", want.Key, want.Value, want.Headers) {
			t.Errorf("%d: got %q %q %q, want %q %q %q", i, got.Key, got.Value, got.Headers, want.Key, want.Value, want.Headers)
		}
		if !want.Time.IsZero() && !got.Time.Equal(want.Time) || got.Time.IsZero() {
			t.Errorf("%d: time is %v, want %v", i, got.Time, want.Time)
		}
	}
}

// TestNothingPublishedIsLostDoubledOrOvertaken while connections are cut, and each
// callback is called once.
func TestNothingPublishedIsLostDoubledOrOvertaken(t *testing.T) {
	t.Parallel()
	const total, accounts = 2000, 20
	b := startBroker(t)
	p := newTestPublisher(t, b.settings())
	var mu sync.Mutex
	called := map[int]int{}
	for n := range total {
		p.PublishAsync(t.Context(), payment{N: n, Of: fmt.Sprint("account-", n%accounts)}, func(_ message.Delivery, err error) {
			mu.Lock()
			defer mu.Unlock()
			called[n]++
			if err != nil {
				t.Errorf("%d: %v", n, err)
			}
		})
		if n%100 == 50 {
			b.cut()
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := b.client.Stream(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != total {
		t.Errorf("%d messages, want %d", n, total)
	}
	if len(called) != total {
		t.Errorf("%d callbacks, want %d", len(called), total)
	}
	for n, times := range called {
		if times != 1 {
			t.Errorf("callback of %d was called %d times", n, times)
		}
	}
	lastOf := map[string]int{}
	for _, m := range b.read("payments", total) {
		var n int
		if _, err := fmt.Sscanf(string(m.Value[strings.Index(string(m.Value), `"n":`):]), `"n":%d`, &n); err != nil {
			t.Fatal(err)
		}
		if last, ok := lastOf[string(m.Key)]; ok && n != last+accounts {
			t.Errorf("%s: %d behind %d", m.Key, n, last)
		}
		lastOf[string(m.Key)] = n
	}
}

// TestAnEventWhoseAnswerIsLostIsWrittenOnce, and told where it landed the first time.
func TestAnEventWhoseAnswerIsLostIsWrittenOnce(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p := newTestPublisher(t, b.settings())
	written := func() uint64 {
		stream, err := b.client.Stream(t.Context(), "payments")
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.Msgs
	}
	if err := p.Publish(t.Context(), payment{N: 1, Of: "a"}); err != nil {
		t.Fatal(err)
	}
	b.deaf.Store(true)
	landed := make(chan int64, 1)
	p.PublishAsync(t.Context(), payment{N: 2, Of: "a"}, func(d message.Delivery, err error) {
		if err != nil {
			t.Error(err)
		}
		landed <- d.Offset
	})
	eventually(t, "it is written", func() bool { return written() == 2 })
	b.cut()
	b.deaf.Store(false)
	if at := <-landed; at != 2 || written() != 2 {
		t.Errorf("it landed at %d, and there are %d messages, want 2 and 2", at, written())
	}
}

// TestAMessageThatIsTooLargeIsRefusedForGood.
func TestAMessageThatIsTooLargeIsRefusedForGood(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p := newTestPublisher(t, b.settings())
	err := p.Send(t.Context(), &message.Message{Topic: "payments", Value: make([]byte, 2<<20)})
	if !errors.Is(err, message.ErrTooLarge) || message.OutcomeOf(err) != message.OutcomePermanent {
		t.Errorf("error is %v", err)
	}
}

// TestATopicThatDoesNotExistIsNamed, unless it was declared: then it is made.
func TestATopicThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p := newTestPublisher(t, b.settings())
	p.SendTimeout = 200 * time.Millisecond
	if err := p.Send(t.Context(), &message.Message{Topic: "refunds", Value: []byte("x")}); message.OutcomeOf(err) != message.OutcomeRetry || !strings.Contains(err.Error(), `topic "refunds" does not exist`) {
		t.Errorf("error is %v", err)
	}
	if err := p.Publish(t.Context(), payment{N: 1}); err != nil {
		t.Error(err)
	}
}

// TestCloseGivesUpWhatIsNotPublishedInTime, and says so to each.
func TestCloseGivesUpWhatIsNotPublishedInTime(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.leave(true)
	p := newTestPublisher(t, b.settings())
	var mu sync.Mutex
	var errs []error
	for n := range 3 {
		p.PublishAsync(t.Context(), payment{N: n, Of: "a"}, func(_ message.Delivery, err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	if err := p.Close(100 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "not published: 3") {
		t.Errorf("error is %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(errs) != 3 || slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, publisher.ErrClosed) }) {
		t.Errorf("callbacks got %v", errs)
	}
	if err := p.Publish(context.WithoutCancel(t.Context()), payment{}); !errors.Is(err, publisher.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
