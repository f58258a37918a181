package contender

import (
	"context"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
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
