package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// NewProducer returns a client of franz-go that writes as large batches as each topic
// takes.
func NewProducer(cfg config.Kafka, more ...kgo.Opt) (client *kgo.Client, err error) {
	var sizes batchSizes
	size := kgo.ProducerBatchMaxBytesFn(func(topic string) int32 { return sizes.learn(client, topic) })
	client, err = NewClient(cfg, append(more, size)...)
	return client, err
}

// NextMessage returns the offset of the first committed message of a partition at or after
// offset, or how far there is none.
func NextMessage(ctx context.Context, client *kgo.Client, t kadm.TopicDetail, partition int32, offset int64) (next int64, isMessage bool, err error) {
	from := kgo.ProcessFetchPartitionOpts{Topic: t.Topic, Partition: partition, Offset: offset, IsolationLevel: kgo.ReadCommitted()}
	return findMessage(ctx, client, t.Partitions[partition].Leader, t.ID, from, fetchSize)
}

// CreateParked creates a topic for dead letters that are parked, unless it is there. It
// takes what their topic does, and keeps it; all else is as the broker says.
func CreateParked(ctx context.Context, admin *kadm.Client, topic, letters string) error {
	settings := map[string]*string{cleanupPolicy: new("delete"), retention: new(forever)}
	configs, _ := admin.DescribeTopicConfigs(ctx, letters) // without, the broker's default holds
	if size := setting(configs, letters, maxMessageBytes); size != "" {
		settings[maxMessageBytes] = &size
	}
	_, err := admin.CreateTopic(ctx, -1, -1, settings, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("topic %q cannot be created: %w: create it with %s=%s, and %s as %q has it", topic, err, retention, forever, maxMessageBytes, letters)
	}
	return nil
}
