package rabbitmq

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// TestADeathIsADeadLetterOfItsTopic: of the queue that it died in first, with the key that
// its sender gave it by the exchange.
func TestADeathIsADeadLetterOfItsTopic(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	death := func(exchange string) amqp.Table {
		return amqp.Table{"own": "1", "x-first-death-queue": "shop.payments-2", "x-first-death-reason": "expired", "x-first-death-exchange": exchange, "x-death": []any{
			amqp.Table{"reason": "rejected", "queue": "elsewhere"},
			amqp.Table{"reason": "expired", "queue": "shop.payments-2", "exchange": exchange, "routing-keys": []any{"k"}, "time": at},
		}}
	}
	cfg := config.RabbitMQ{QueuePrefix: "shop.", Partitions: 3, GroupID: "shop"}
	for name, c := range map[string]struct {
		headers amqp.Table
		topics  []string
		want    map[string]string // headers; "" is none
		key     string
	}{
		"of a topic":          {death("shop.payments"), []string{"orders", "payments"}, map[string]string{"forge-dlq-topic": "payments", "forge-dlq-partition": "2", "forge-dlq-group": "shop", "forge-dlq-class": "expired", "forge-dlq-failed-at": "2026-01-02T12:00:00Z", "x-death": "", "x-first-death-queue": "", "own": "1"}, "k"},
		"by another exchange": {death("amq.topic"), []string{"payments"}, map[string]string{"forge-dlq-topic": "payments"}, ""},
		"of no topic of ours": {death("shop.payments"), []string{"orders"}, map[string]string{"forge-dlq-topic": "", "x-first-death-queue": "shop.payments-2"}, ""},
		"a dead letter":       {amqp.Table{"forge-dlq-topic": "orders", "x-first-death-queue": "shop.payments-2"}, []string{"payments"}, map[string]string{"forge-dlq-topic": "orders"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := DeadLetter(&amqp.Delivery{Headers: c.headers, Body: []byte("1"), RoutingKey: "shop.payments.dlq"}, cfg, c.topics)
			for header, want := range c.want {
				if value, _ := m.Get(header); string(value) != want {
					t.Errorf("%s is %q, want %q", header, value, want)
				}
			}
			if string(m.Key) != c.key || string(m.Value) != "1" {
				t.Errorf("key %q, value %q", m.Key, m.Value)
			}
		})
	}
}
