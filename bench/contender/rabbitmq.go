package contender

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byRabbitMQ is the loop of amqp091-go's own examples: each message acknowledged when it is
// handled, one after the other or by as many goroutines as there are workers, in no order.
func byRabbitMQ(ctx context.Context, s settings, m *meter.Meter) error {
	conn, err := amqp.Dial(s.rabbitmq)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	if err := ch.Qos(s.prefetch, 0, false); err != nil {
		return err
	}
	const consumer = "bench"
	deliveries, err := ch.Consume(s.topic, consumer, false, false, false, false, nil)
	if err != nil {
		return err
	}
	give, wait := inGoroutines(s.workers, func(d amqp.Delivery) {
		m.Handle(-1, d.Body)
		_ = d.Ack(false) // the scenario looks for what is not acknowledged
	})
	defer context.AfterFunc(ctx, func() { _ = ch.Cancel(consumer, false) })()
	for d := range deliveries {
		give(d)
	}
	wait()
	return ch.Close()
}
