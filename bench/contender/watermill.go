package contender

import (
	"context"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill-nats/v2/pkg/jetstream"
	"github.com/ThreeDotsLabs/watermill/message"

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
