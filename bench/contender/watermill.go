package contender

import (
	"context"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-amqp/v3/pkg/amqp"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill-nats/v2/pkg/jetstream"
	"github.com/ThreeDotsLabs/watermill/message"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byWatermill is watermill's router over its Kafka subscriber, as in its
// documentation. A message's partition is not told to handlers there.
func byWatermill(ctx context.Context, s settings, m *meter.Meter) error {
	c := kafka.DefaultSaramaSubscriberConfig()
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: s.brokers, Unmarshaler: kafka.DefaultMarshaler{},
		OverwriteSaramaConfig: c, ConsumerGroup: s.group,
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	return route(ctx, s, m, subscriber)
}

// byWatermillJetStream is the same over its subscriber of JetStream. Its acknowledgements
// await no answer, as the others' do not.
func byWatermillJetStream(ctx context.Context, s settings, m *meter.Meter) error {
	subscriber, err := jetstream.NewSubscriber(jetstream.SubscriberConfig{
		URL: s.nats, Logger: watermill.NopLogger{}, ResourceInitializer: jetstream.GroupedConsumer(s.group), AckAsync: true,
	})
	if err != nil {
		return err
	}
	return route(ctx, s, m, subscriber)
}

// byWatermillRabbitMQ is the same over its subscriber of AMQP, with the same prefetch as the
// others. The queue is there, and is not looked at: its arguments are the service's.
func byWatermillRabbitMQ(ctx context.Context, s settings, m *meter.Meter) error {
	c := amqp.NewDurableQueueConfig(s.rabbitmq)
	c.Consume.Qos.PrefetchCount = s.prefetch
	c.TopologyBuilder = &noTopology{}
	subscriber, err := amqp.NewSubscriber(c, watermill.NopLogger{})
	if err != nil {
		return err
	}
	return route(ctx, s, m, subscriber)
}

// noTopology takes the queue as it is.
type noTopology struct{ amqp.DefaultTopologyBuilder }

// BuildTopology does nothing.
func (noTopology) BuildTopology(*amqp091.Channel, amqp.BuildTopologyParams, amqp.Config, watermill.LoggerAdapter) error {
	return nil
}

// route handles what a subscriber has.
func route(ctx context.Context, s settings, m *meter.Meter, subscriber message.Subscriber) error {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router.AddNoPublisherHandler("payments", s.topic, subscriber, func(msg *message.Message) error {
		if err := standard(msg.Payload); err != nil {
			return err
		}
		m.Handle(-1, msg.Payload)
		return nil
	})
	return router.Run(ctx)
}
