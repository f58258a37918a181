package shop

import (
	"fmt"
	"net/url"
	"os"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// rabbit is a real RabbitMQ.
type rabbit struct {
	t       *testing.T
	url     string
	channel *amqp.Channel
}

func newRabbitMQ(t *testing.T) broker {
	t.Helper()
	generated.RabbitMQ(t)
	b := &rabbit{t: t, url: os.Getenv("RABBITMQ_URL")}
	conn, err := amqp.Dial(b.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if b.channel, err = conn.Channel(); err == nil {
		err = b.channel.Confirm(false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *rabbit) address() string {
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Host
}

func (b *rabbit) send(first, end int) {
	b.t.Helper()
	var all []*amqp.DeferredConfirmation
	for m := range toSend(first, end) {
		confirmed, err := b.channel.PublishWithDeferredConfirm("", m.topic, true, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, Headers: amqp.Table{"forge-key": []byte(m.key)}, Body: m.value,
		})
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, confirmed)
	}
	for _, confirmed := range all {
		if !confirmed.Wait() {
			b.t.Fatal("a message is not confirmed")
		}
	}
}

func (b *rabbit) awaitDone(...string) {
	b.t.Helper()
	await(b.t, func() (bool, string) {
		n := b.waiting("orders", "payments", "order-accepted")
		return n == 0, fmt.Sprint(n, " messages wait")
	})
}

func (b *rabbit) deadLetters() int64 {
	b.t.Helper()
	return b.waiting("orders.dlq", "payments.dlq", "order-accepted.dlq")
}

// waiting returns how many messages the queues have.
func (b *rabbit) waiting(queues ...string) (n int64) {
	b.t.Helper()
	for _, name := range queues {
		queue, err := b.channel.QueueDeclarePassive(name, true, false, false, false, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		n += int64(queue.Messages)
	}
	return n
}

// accepted is not known: a queue forgets what was read.
func (b *rabbit) accepted() []string { return nil }
