package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// makeTopic makes the queues of payments, which nobody consumes.
func makeTopic(t *testing.T, cfg config.RabbitMQ) {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer leave(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateTopic(ch, cfg, "payments"); err != nil {
		t.Fatal(err)
	}
}

func TestPublishingOverCutConnectionsLosesAndOvertakesNothing(t *testing.T) {
	t.Parallel()
	direct, s := settings(t), newSeen()
	makeTopic(t, direct)
	cfg, wire := through(t, direct)
	p := newPublisher(t, cfg)
	var mu sync.Mutex
	called := map[string][]int{}
	const n, accounts = 3000, 15
	for i := range n {
		account := fmt.Sprintf("account-%d", i%accounts)
		p.PublishAsync(t.Context(), payment{account, i}, func(d message.Delivery, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil || d.Key != account {
				t.Errorf("event %d, %+v: %v", i, d, err)
			}
			called[account] = append(called[account], i)
		})
		if i%300 == 299 {
			wire.cut()
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	total := 0
	for account, ns := range called {
		if total += len(ns); !slices.IsSorted(ns) {
			t.Errorf("callbacks of %s are out of order", account)
		}
	}
	if total != n {
		t.Errorf("%d callbacks of %d", total, n)
	}
	r := consume(t, direct, s.handle)
	eventually(t, "all are consumed", func() bool { return s.distinct() == n })
	s.check(t)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func TestAnEventThatNoQueueTakesIsAnErrorThatSaysSo(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, settings(t, "PUBLISH_TIMEOUT", "300ms"))
	err := p.Publish(t.Context(), payment{"a", 1})
	if err == nil || !strings.Contains(err.Error(), "no queue takes it") || message.OutcomeOf(err) != message.OutcomeRetry {
		t.Errorf("the error is: %v", err)
	}
}

func TestAnEventThatWaitsForItsQueueIsPublished(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	p := newPublisher(t, cfg)
	published := make(chan error, 1)
	go func() { published <- p.Publish(t.Context(), payment{"a", 1}) }()
	eventually(t, "it came back", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		waiting := p.keys["payments\x00a"]
		return len(waiting) > 0 && waiting[0].last != nil
	})
	makeTopic(t, cfg)
	if err := <-published; err != nil {
		t.Error(err)
	}
}

func TestWithoutABrokerAnEventIsGivenUpWithAllBehindIt(t *testing.T) {
	t.Parallel()
	cfg, wire := through(t, settings(t, "PUBLISH_TIMEOUT", "300ms"))
	wire.setAway(true)
	p := newPublisher(t, cfg)
	errs := make(chan error, 1)
	p.PublishAsync(t.Context(), payment{"a", 1}, func(_ message.Delivery, err error) { errs <- err })
	second := p.wait(t.Context(), &outgoing{message: &message.Message{Topic: "payments", Key: []byte("a")}, timeout: time.Hour})
	if first := <-errs; message.OutcomeOf(first) != message.OutcomeUnavailable || !strings.Contains(first.Error(), cfg.Address()) {
		t.Errorf("the first error is: %v", first)
	}
	if second == nil || !strings.Contains(second.Error(), "an event before it in its key was not published") {
		t.Errorf("the second error is: %v", second)
	}
}

func TestCloseGivesUpWhatIsNotPublished(t *testing.T) {
	t.Parallel()
	cfg, wire := through(t, settings(t))
	wire.setAway(true)
	p := newPublisher(t, cfg)
	errs := make(chan error, 1)
	p.PublishAsync(t.Context(), payment{"a", 1}, func(_ message.Delivery, err error) { errs <- err })
	if err := p.Close(10 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "not published: 1") {
		t.Errorf("closed with: %v", err)
	}
	if err := <-errs; !errors.Is(err, ErrClosed) {
		t.Errorf("the event's error is: %v", err)
	}
	if err := p.Publish(t.Context(), payment{"a", 2}); !errors.Is(err, ErrClosed) {
		t.Errorf("the next one's error is: %v", err)
	}
}

func TestPublishingWaitsForRoom(t *testing.T) {
	t.Parallel()
	cfg, wire := through(t, settings(t))
	wire.setAway(true)
	p := newPublisher(t, cfg)
	p.capacity = 1
	if !p.room.TryAcquire(publishBuffer - 1) {
		t.Fatal("no room at all")
	}
	p.PublishAsync(t.Context(), payment{"a", 1}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Publish(ctx, payment{"b", 2}); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("the error is: %v", err)
	}
}

// What ends the channel must not be sent for ever, nor take others with it.
func TestAnEventThatIsTooLargeForTheBrokerIsGivenUpAlone(t *testing.T) {
	t.Parallel()
	err := &amqp.Error{Code: amqp.PreconditionFailed, Server: true, Reason: "PRECONDITION_FAILED - message size 200 is larger than configured max size 100"}
	large := &outgoing{message: &message.Message{Value: make([]byte, 200)}}
	small := &outgoing{message: &message.Message{Value: make([]byte, 100)}}
	if got := blame(large, err); !errors.Is(got, message.ErrTooLarge) || message.OutcomeOf(got) != message.OutcomePermanent {
		t.Errorf("the large one: %v", got)
	}
	if got := blame(small, err); got != nil {
		t.Errorf("the small one: %v", got)
	}
}

func TestAMissingExchangeEndsOnlyWhatGoesThere(t *testing.T) {
	t.Parallel()
	cfg := settings(t, "RABBITMQ_PARTITIONS", "2")
	makeTopic(t, cfg)
	p := newPublisher(t, cfg)
	err := p.Send(t.Context(), &message.Message{Topic: "elsewhere", Key: []byte("a"), Value: []byte("1")})
	if err == nil || !strings.Contains(err.Error(), `topic "elsewhere" does not exist`) {
		t.Errorf("the error is: %v", err)
	}
	if err := p.Send(t.Context(), &message.Message{Topic: "payments", Key: []byte("a"), Value: []byte("1")}); err != nil {
		t.Error(err)
	}
}

func TestWhatAMessageIsComesAsItWent(t *testing.T) {
	t.Parallel()
	for _, partitions := range []string{"1", "2"} {
		for _, m := range []message.Message{
			{Key: nil, Value: nil}, {Key: []byte{}, Value: []byte{}}, {Key: []byte{0, 0xff, 0x80}, Value: []byte{0xfe}},
			{Key: []byte(strings.Repeat("k", 300)), Value: []byte("long"), Headers: []message.Field{{Key: "traceparent", Value: []byte("00-1")}}},
		} {
			t.Run(fmt.Sprintf("%s, key %.5q, value %q", partitions, m.Key, m.Value), func(t *testing.T) {
				t.Parallel()
				cfg := settings(t, "RABBITMQ_PARTITIONS", partitions, "ORDERING", "none") // with one active consumer, a queue is for it alone
				makeTopic(t, cfg)
				m.Topic = "payments"
				m.Header = message.Header{MessageID: "id-1", CorrelationID: "id-0", MessageType: "PaymentMade", Producer: "tests"}
				if err := newPublisher(t, cfg).Send(t.Context(), &m); err != nil {
					t.Fatal(err)
				}
				var d amqp.Delivery
				for p, ok := 0, false; !ok && p < cfg.Partitions; p++ {
					d, ok = get(t, cfg, queueName(cfg, "payments", p))
				}
				got := received(&d, cfg.QueuePrefix+"payments")
				if fmt.Sprintf("%#v %#v %#v", got.Key, got.Value, got.Headers) != fmt.Sprintf("%#v %#v %#v", m.Key, m.Value, m.Headers) {
					t.Errorf("came as %#v %#v %#v", got.Key, got.Value, got.Headers)
				}
				if d.DeliveryMode != amqp.Persistent || d.MessageId != "id-1" || d.CorrelationId != "id-0" || d.Type != "PaymentMade" || d.AppId != "tests" || time.Since(d.Timestamp) > time.Minute {
					t.Errorf("its properties are %+v", d)
				}
			})
		}
	}
}
