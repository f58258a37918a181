package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// makeTopic makes the queues of payments, which nobody consumes.
func makeTopic(t *testing.T, cfg config.RabbitMQ) {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := DeclareTopic(ch, cfg, "payments", 0); err != nil {
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

// While the broker is slow to connect, and while it is away.
func TestAnEventThatWasGivenUpIsNotWrittenLater(t *testing.T) {
	t.Parallel()
	direct := settings(t, "ORDERING", "none") // with one active consumer, a queue is for it alone
	makeTopic(t, direct)
	cfg, wire := through(t, direct)
	p := newPublisher(t, cfg)
	giveUp := func(n int) {
		t.Helper()
		timeout := p.Timeout
		p.Timeout = 300 * time.Millisecond
		defer func() { p.Timeout = timeout }()
		for _, account := range []string{"a", "b"} {
			if err := p.Publish(t.Context(), payment{account, n}); message.OutcomeOf(err) != message.OutcomeUnavailable {
				t.Errorf("event %d: %v", n, err)
			}
		}
	}
	release := wire.hold()
	defer release()
	giveUp(1) // before there is a connection
	release()
	eventually(t, "there is a connection", func() bool { return whyNot(p) == nil })
	if err := p.Publish(t.Context(), payment{"a", 2}); err != nil {
		t.Error(err)
	}
	wire.setAway(true)
	giveUp(3) // without one
	wire.setAway(false)
	eventually(t, "there is a connection again", func() bool { return whyNot(p) == nil })
	if err := p.Publish(t.Context(), payment{"a", 4}); err != nil {
		t.Error(err)
	}
	for _, want := range []string{`"n":2`, `"n":4`} {
		if d, ok := get(t, cfg, queueName(cfg, "payments", 0)); !ok || !strings.Contains(string(d.Body), want) {
			t.Errorf("there is %s, want the event with %s", d.Body, want)
		}
	}
	if n := waitingIn(t, cfg, queueName(cfg, "payments", 0)); n > 0 {
		t.Errorf("%d events more are written, of those that were given up", n)
	}
}

// Those behind it in its key have their own time.
func TestWithoutABrokerAnEventIsGivenUpAlone(t *testing.T) {
	t.Parallel()
	direct := settings(t)
	makeTopic(t, direct)
	cfg, wire := through(t, direct)
	wire.setAway(true)
	p := newPublisher(t, cfg)
	errs := make(chan error, 2)
	for i, timeout := range []time.Duration{300 * time.Millisecond, time.Hour} {
		p.Timeout = timeout
		p.PublishAsync(t.Context(), payment{"a", i}, func(_ message.Delivery, err error) { errs <- err })
	}
	if first := <-errs; message.OutcomeOf(first) != message.OutcomeUnavailable || !strings.Contains(first.Error(), "given up after 300ms") || !strings.Contains(first.Error(), cfg.Address()) {
		t.Errorf("the first error is: %v", first)
	}
	wire.setAway(false)
	if second := <-errs; second != nil {
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
	if err := <-errs; !errors.Is(err, publisher.ErrClosed) {
		t.Errorf("the event's error is: %v", err)
	}
	if err := p.Publish(t.Context(), payment{"a", 2}); !errors.Is(err, publisher.ErrClosed) {
		t.Errorf("the next one's error is: %v", err)
	}
}

// What is given up while its channel opens leaves none open.
func TestAChannelThatOpensForNobodyIsClosed(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.URL += "?channel_max=3"
	conn := connect(t, cfg)
	defer Disconnect(conn)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, err := openLine(gone, conn); err == nil {
			t.Fatal("it is open")
		}
	}
	eventually(t, "three channels can be opened", func() bool {
		var all []*line
		defer func() {
			for _, l := range all {
				_ = l.channel.Close()
			}
		}()
		for range 3 {
			l, err := openLine(t.Context(), conn)
			if err != nil {
				return false
			}
			all = append(all, l)
		}
		return true
	})
}

// large is a payment of which a few fill what is under way to a broker.
type large struct {
	payment
	Text string
}

// A broker that reads no more blocks who writes, who holds what the client needs to end the
// connection.
func TestPublishingGoesOnFromABrokerThatReadsNoMore(t *testing.T) {
	t.Parallel()
	cfg, wire := through(t, settings(t, "PUBLISH_TIMEOUT", "40s"))
	makeTopic(t, cfg)
	p := newPublisher(t, cfg)
	const n = 40
	errs := make(chan error, 2*n)
	publish := func() {
		for i := range n {
			p.PublishAsync(t.Context(), large{payment{strconv.Itoa(i), i}, strings.Repeat("x", 500_000)}, func(_ message.Delivery, err error) { errs <- err })
		}
	}
	for range 2 {
		publish() // first to have channels, which are there when nothing is read any more
		for range n {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		wire.freeze()
	}
	publish()
	began := time.Now()
	if err := p.Close(time.Second); err == nil {
		t.Error("all is published")
	}
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("closed after %v", took)
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
				got := Received(&d, cfg.QueuePrefix+"payments")
				got.Headers = slices.DeleteFunc(got.Headers, func(h message.Field) bool { return strings.HasPrefix(h.Key, propertyPrefix) })
				if fmt.Sprintf("%#v %#v %q", got.Key, got.Value, got.Headers) != fmt.Sprintf("%#v %#v %q", m.Key, m.Value, m.Headers) {
					t.Errorf("came as %#v %#v %#v", got.Key, got.Value, got.Headers)
				}
				if d.DeliveryMode != amqp.Persistent || d.MessageId != "id-1" || d.CorrelationId != "id-0" || d.Type != "PaymentMade" || d.AppId != "tests" || time.Since(d.Timestamp) > time.Minute {
					t.Errorf("its properties are %+v", d)
				}
			})
		}
	}
}
