package oncall

import (
	"fmt"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// rabbit has the queues of a RabbitMQ whose names begin with a prefix.
type rabbit struct {
	t      *testing.T
	url    string
	prefix string
	conn   *amqp.Connection
}

func newRabbit(t *testing.T) queues {
	t.Helper()
	generated.RabbitMQ(t)
	b := &rabbit{t: t, url: os.Getenv("RABBITMQ_URL"), prefix: fmt.Sprintf("oncall-%d.", os.Getpid())}
	var err error
	if b.conn, err = amqp.Dial(b.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if ch, err := b.conn.Channel(); err == nil {
			for _, topic := range []string{"orders", "orders.dlq", "orders.parked"} {
				_, _ = ch.QueueDelete(b.prefix+topic, false, false, false)
			}
		}
		_ = b.conn.Close()
	})
	return b
}

func (b *rabbit) settings() []string {
	return []string{"RABBITMQ_URL=" + b.url, "RABBITMQ_QUEUE_PREFIX=" + b.prefix, "SERVICE_NAME=shop"}
}

// channel returns a new one, which ends when it asks for what is not there.
func (b *rabbit) channel() *amqp.Channel {
	b.t.Helper()
	ch, err := b.conn.Channel()
	if err != nil {
		b.t.Fatal(err)
	}
	return ch
}

func (b *rabbit) send(all []sent) {
	b.t.Helper()
	ch := b.channel()
	defer func() { _ = ch.Close() }()
	if err := ch.Confirm(false); err != nil {
		b.t.Fatal(err)
	}
	var last []*amqp.DeferredConfirmation
	for _, m := range all {
		out := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: m.value, Headers: amqp.Table{"forge-key": nil, "n": m.number}}
		if m.key != nil {
			out.Headers["forge-key"] = string(m.key)
		}
		confirmed, err := ch.PublishWithDeferredConfirmWithContext(b.t.Context(), "", b.prefix+"orders", true, false, out)
		if err != nil {
			b.t.Fatal(err)
		}
		last = append(last, confirmed)
	}
	for _, confirmed := range last {
		if !confirmed.Wait() {
			b.t.Fatal("a message is not confirmed")
		}
	}
}

func (b *rabbit) waiting(topic string) int {
	b.t.Helper()
	ch := b.channel()
	defer func() { _ = ch.Close() }()
	queue, err := ch.QueueDeclarePassive(b.prefix+topic, true, false, false, false, nil)
	if err != nil {
		return 0 // it is not there
	}
	return queue.Messages
}

func (b *rabbit) redriven() (all []sent) {
	b.t.Helper()
	n := b.waiting("orders")
	ch := b.channel()
	deliveries, err := ch.ConsumeWithContext(b.t.Context(), b.prefix+"orders", "", false, false, false, false, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for range n {
		d, ok := <-deliveries
		if !ok {
			b.t.Fatal("the queue cannot be read")
		}
		if group, _ := d.Headers["forge-redrive-group"].(string); group != "shop" {
			continue
		}
		m := sent{value: d.Body}
		m.number, _ = d.Headers["n"].(string)
		if key, ok := d.Headers["forge-key"].(string); ok {
			m.key = []byte(key)
		}
		all = append(all, m)
	}
	_ = ch.Close() // they are back in the queue
	await(b.t, "them to be back", func() (bool, string) {
		now := b.waiting("orders")
		return now == n, fmt.Sprint(now, " of ", n)
	})
	return all
}
