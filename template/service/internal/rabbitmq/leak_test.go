package rabbitmq

import (
	"context"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// A password that no URL can have, as a file may bring one while the service runs, is in
// no error.
func TestAPasswordThatCannotBeReadIsNotShown(t *testing.T) {
	for _, url := range []string{"amqp://books:hunter2%@127.0.0.1:1/", "amqp://books:hunter2 @127.0.0.1:1/", "amqp://books:hunter2@127.0.0.1:port/"} {
		cfg := settingsWithout(t, "RABBITMQ_URL", url)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := Connect(ctx, cfg, "tests"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("it says %v", err)
		}
		cancel()
	}
}

// Of several messages on their way to a queue, one that no queue took is sent again, and no
// other.
func TestAReturnIsOfOneMessage(t *testing.T) {
	p := NewPublisher(settingsWithout(t), "tests", newRegistry(), quiet())
	p.begun, p.sent = true, map[uint64]*outgoing{} // without a connection
	wire, results := &recorder{}, make(chan string, 3)
	for _, value := range []string{"a", "b", "b"} {
		go func() {
			if err := p.Send(t.Context(), &message.Message{Topic: "payments.dlq", Value: []byte(value)}); err != nil {
				t.Error(err)
			}
			results <- value
		}()
	}
	eventually(t, "all are sent", func() bool {
		if err := p.sendReady(wire); err != nil {
			t.Fatal(err)
		}
		return wire.tag == 3
	})
	p.noteReturn(amqp.Return{RoutingKey: "payments.dlq", Body: []byte("b")})
	for tag := range uint64(3) {
		p.confirm(amqp.Confirmation{DeliveryTag: tag + 1, Ack: true})
	}
	got := map[string]int{<-results: 1}
	got[<-results]++
	if got["a"] != 1 || got["b"] != 1 {
		t.Errorf("confirmed are %v, want a and one of b", got)
	}
	eventually(t, "the other one is sent again", func() bool {
		if err := p.sendReady(wire); err != nil {
			t.Fatal(err)
		}
		return wire.tag == 4
	})
	p.confirm(amqp.Confirmation{DeliveryTag: 4, Ack: true})
	if last := <-results; last != "b" {
		t.Errorf("sent again is %s", last)
	}
}

// The dead letters of a consumer with queues of its own are in its own queue.
func TestDeadLettersAreWhereTheConsumersQueuesAre(t *testing.T) {
	cfg := settingsWithout(t)
	p := NewPublisher(cfg, "tests", newRegistry(), quiet())
	p.begun, p.sent = true, map[uint64]*outgoing{} // without a connection
	cfg.QueuePrefix = "audit."
	wire, sent := &recorder{}, make(chan error, 1)
	go func() {
		sent <- p.sendAs(t.Context(), cfg, &message.Message{Topic: "payments.dlq", Value: []byte("x")})
	}()
	eventually(t, "it is sent", func() bool {
		if err := p.sendReady(wire); err != nil {
			t.Fatal(err)
		}
		return wire.tag == 1
	})
	if key := p.sent[1].key; key != "audit.payments.dlq" {
		t.Errorf("it goes to %s", key)
	}
	p.confirm(amqp.Confirmation{DeliveryTag: 1, Ack: true})
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
