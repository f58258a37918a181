package rabbitmq

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What `make dev` and tests need beside a service.

// Connect connects as the service does.
func Connect(ctx context.Context, cfg config.RabbitMQ) (*amqp.Connection, error) {
	return open(ctx, cfg, "embedded")
}

// CreateTopic makes or checks all queues of a topic.
func CreateTopic(ch *amqp.Channel, cfg config.RabbitMQ, topic string) error {
	for partition := range cfg.Partitions {
		if err := declareTopic(ch, cfg, topic, partition); err != nil {
			return err
		}
	}
	return nil
}

// NumberedPublishing returns a message as it goes to the broker, with its Offset.
func NumberedPublishing(m *message.Message) (amqp.Publishing, error) {
	out, err := publishing(m)
	out.Headers[offsetHeader] = m.Offset
	return out, err
}

// Received returns a delivery of a topic as handlers get it, but for its place.
func Received(d *amqp.Delivery, cfg config.RabbitMQ, topic string) message.Message {
	m := received(d, cfg.QueuePrefix+topic)
	m.Topic = topic
	return m
}
