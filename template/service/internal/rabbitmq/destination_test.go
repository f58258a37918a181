package rabbitmq

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// elsewhere is a payment whose topic nobody consumes.
type elsewhere struct{ payment }

func (elsewhere) Topic() string { return "receipts" }

// lines is a log of a test's own.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// logged returns a publisher with its log, which publishes receipts too, and its transport.
func logged(t *testing.T, cfg config.RabbitMQ) (*publisher.Publisher, *transport, *lines) {
	t.Helper()
	log, registry := new(lines), newRegistry()
	registry.Publishes(elsewhere{})
	p := NewPublisher(cfg, "tests", registry, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { _ = p.Close(time.Second) })
	return p, p.Transport.(*transport), log
}

// onBroker has f do something to the broker that only tests do.
func onBroker(t *testing.T, cfg config.RabbitMQ, f func(ch *amqp.Channel) error) {
	t.Helper()
	cfg.URL = config.Secret(brokerURL())
	conn := connect(t, cfg)
	defer Disconnect(conn)
	ch, err := conn.Channel()
	if err == nil {
		err = f(ch)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// An event to where no queue is waits, whatever its topic has queues, is told once, and holds
// up no other.
func TestATopicThatIsNotThereHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for partitions, place := range map[string]string{"1": "queue", "2": "exchange"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, "RABBITMQ_PARTITIONS", partitions, "PUBLISH_TIMEOUT", "1s")
			makeTopic(t, cfg)
			p, tr, log := logged(t, cfg)
			const n = 50
			missing := make(chan error, n)
			for i := range n {
				p.PublishAsync(t.Context(), elsewhere{payment{strconv.Itoa(i), i}}, func(_ message.Delivery, err error) { missing <- err })
			}
			for i := range 200 {
				if err := p.Publish(t.Context(), payment{"a", i}); err != nil {
					t.Fatalf("an event of another topic: %v", err)
				}
			}
			for range n {
				wantMissing(t, <-missing, "given up after 1s", "no queue takes it", fmt.Sprintf("%s %q", place, cfg.QueuePrefix+"receipts"), `topic "receipts"`, "RABBITMQ_PARTITIONS")
			}
			if why := fmt.Sprint(tr.why()); !strings.Contains(why, `topic "receipts"`) || strings.Contains(why, "payments\"") {
				t.Errorf("what cannot be published: %s", why)
			}
			if told, interrupted := log.count("cannot be published to"), log.count("interrupted"); told != 1 || interrupted > 0 {
				t.Errorf("told %d times, and publishing was interrupted %d times:\n%s", told, interrupted, log.text.String())
			}
		})
	}
}

func wantMissing(t *testing.T, err error, parts ...string) {
	t.Helper()
	if message.OutcomeOf(err) != message.OutcomeUnavailable {
		t.Fatalf("the error is: %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %s: %v", part, err)
		}
	}
}

func TestAnEventThatWaitsForItsQueueIsPublished(t *testing.T) {
	t.Parallel()
	for _, partitions := range []string{"1", "2"} {
		t.Run(partitions, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, "RABBITMQ_PARTITIONS", partitions)
			p, tr, log := logged(t, cfg)
			published := make(chan error, 1)
			go func() { published <- p.Publish(t.Context(), payment{"a", 1}) }()
			eventually(t, "the queue is missed", func() bool { return strings.Contains(fmt.Sprint(tr.why()), `topic "payments"`) })
			makeTopic(t, cfg)
			if err := <-published; err != nil {
				t.Error(err)
			}
			if log.count("can be published to again") != 1 {
				t.Errorf("the log does not say so once:\n%s", log.text.String())
			}
		})
	}
}

// What is deleted while the service publishes there is missed like what was never there.
func TestATopicThatIsDeletedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, partitions := range []string{"1", "2"} {
		t.Run(partitions, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, "RABBITMQ_PARTITIONS", partitions, "PUBLISH_TIMEOUT", "1s")
			makeTopic(t, cfg)
			makeReceipts := func(ch *amqp.Channel) error { return DeclareTopic(ch, cfg, "receipts", 0) }
			onBroker(t, cfg, makeReceipts)
			p, tr, log := logged(t, cfg)
			if err := p.Publish(t.Context(), elsewhere{payment{"a", 1}}); err != nil {
				t.Fatal(err)
			}
			onBroker(t, cfg, func(ch *amqp.Channel) error {
				if cfg.Partitions > 1 {
					return ch.ExchangeDelete(cfg.QueuePrefix+"receipts", false, false)
				}
				_, err := ch.QueueDelete(cfg.QueuePrefix+"receipts", false, false, false)
				return err
			})
			if err := p.Publish(t.Context(), elsewhere{payment{"a", 2}}); message.OutcomeOf(err) != message.OutcomeUnavailable || tr.why() == nil {
				t.Errorf("the error is: %v; what cannot be published: %v", err, tr.why())
			}
			if err := p.Publish(t.Context(), payment{"a", 3}); err != nil || log.count("interrupted") > 0 {
				t.Errorf("an event of another topic: %v\n%s", err, log.text.String())
			}
			onBroker(t, cfg, makeReceipts)
			eventually(t, "it is found again, although nobody publishes", func() bool { return tr.why() == nil })
			if err := p.Publish(t.Context(), elsewhere{payment{"a", 4}}); err != nil {
				t.Error(err)
			}
		})
	}
}

// /readyz names what the service says that it publishes and cannot, before it is to.
func TestWhatAServicePublishesIsLookedForAtItsStart(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	p, _, _ := logged(t, cfg)
	r := consumeWith(t, cfg, p, newSeen().handle)
	eventually(t, "the consumer says that it is not there", func() bool {
		return strings.Contains(fmt.Sprint(r.Ready()), `topic "receipts": no queue takes it`)
	})
	onBroker(t, cfg, func(ch *amqp.Channel) error { return DeclareTopic(ch, cfg, "receipts", 0) })
	eventually(t, "it is ready when it is there", isReady(r))
}

// A topic that a service both publishes and consumes is made by it.
func TestWhatAServiceConsumesItselfIsNotLookedFor(t *testing.T) {
	_, tr, _ := logged(t, settingsWithout(t))
	if n := len(tr.declared()); n != 1 {
		t.Fatalf("%d destinations are declared", n)
	}
	tr.consumers = []*Consumer{{topics: []string{"receipts"}}}
	if n := len(tr.declared()); n != 0 {
		t.Errorf("%d destinations are looked for", n)
	}
}

func TestAFullQueueIsUnavailableAndSaysSo(t *testing.T) {
	t.Parallel()
	cfg := settings(t, "PUBLISH_TIMEOUT", "500ms")
	onBroker(t, cfg, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(cfg.QueuePrefix+"payments", true, false, false, false, amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
		return err
	})
	p, tr, log := logged(t, cfg)
	var err error
	for i := 0; err == nil && i < 10; i++ {
		err = p.Publish(t.Context(), payment{"a", i})
	}
	if message.OutcomeOf(err) != message.OutcomeUnavailable || !strings.Contains(err.Error(), "is full, or has no majority") {
		t.Errorf("the error is: %v", err)
	}
	if why := fmt.Sprint(tr.why()); !strings.Contains(why, `topic "payments"`) || log.count("retrying\" topic=payments") != 1 {
		t.Errorf("what cannot be published: %s\n%s", why, log.text.String())
	}
}

// The broker's memory is full, say.
func TestABrokerThatTakesNothingIsNotReadyAtOnce(t *testing.T) {
	cfg, registry := settingsWithout(t), newRegistry()
	message.Register(registry, "payments", message.TypedHandlerFunc[payment](newSeen().handle))
	p, tr := unconnected(cfg)
	c, err := NewConsumer(cfg, registry, p, quiet())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{ops.Connection, "payments"} {
		c.health.Set(part, nil)
	}
	tr.noteBlocked(amqp.Blocking{Active: true, Reason: "low on memory"})
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "low on memory") {
		t.Errorf("the consumer is ready: %v", err)
	}
	tr.noteBlocked(amqp.Blocking{})
	if err := c.Ready(); err != nil {
		t.Errorf("and then: %v", err)
	}
}
