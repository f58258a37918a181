//go:build !jetstream && !rabbitmq

// Package embedded is a Kafka-compatible broker inside this process, for
// `make dev` and for tests. It keeps nothing.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The broker as others find it.
const (
	Port       = 9092                      // where clients look for Kafka by default
	Address    = "KAFKA_BOOTSTRAP_SERVERS" // the setting that says where the broker is
	Partitions = 6                         // of each topic that CreateTopics creates
)

// Start starts a broker on loopback, on the port, or on another when that is
// taken; port 0 is any. It returns host:port and what ends the broker.
func Start(port int) (broker string, stop func(), err error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port))
	if err != nil {
		cluster, err = kfake.NewCluster(kfake.NumBrokers(1))
	}
	if err != nil {
		return "", nil, fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	return cluster.ListenAddrs()[0], cluster.Close, nil
}

// Settings lead a service of the group to a broker without encryption or a password,
// whatever other settings say of its own, and keep nobody waiting.
func Settings(broker, group string) map[string]string {
	all := map[string]string{
		Address: broker, "KAFKA_GROUP_ID": group, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_AUTO_OFFSET_RESET": "earliest",
		"KAFKA_FETCH_MAX_WAIT": "50ms", "COMMIT_INTERVAL": "50ms", "OPS_ADDR": "127.0.0.1:0", "LOG_LEVEL": "warn",
	}
	all["KAFKA_HEARTBEAT_INTERVAL"], all["KAFKA_GROUP_INSTANCE_ID"] = "100ms", "" //forge:if group
	for _, unused := range []string{"SASL_USERNAME", "SASL_PASSWORD", "SSL_CA", "SSL_CERT", "SSL_KEY"} {
		all["KAFKA_"+unused] = ""
	}
	return all
}

// CreateTopics creates topics at the broker, which may be any. Those that exist
// stay as they are.
func CreateTopics(ctx context.Context, broker string, topics ...string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return err
	}
	defer client.Close()
	slices.Sort(topics)
	created, err := kadm.NewClient(client).CreateTopics(ctx, Partitions, -1, nil, slices.Compact(topics)...)
	if err != nil {
		return fmt.Errorf("creating topics at %s: %w", broker, err)
	}
	for _, topic := range created.Sorted() {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("creating topic %s: %w", topic.Topic, topic.Err)
		}
	}
	return nil
}

// Send produces messages in their order, and notes in each where it landed.
func Send(ctx context.Context, broker string, messages ...*message.Message) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return err
	}
	defer client.Close()
	var records []*kgo.Record
	for _, m := range messages {
		r := &kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value, Timestamp: m.Time}
		for _, h := range m.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		records = append(records, r)
	}
	err = client.ProduceSync(ctx, records...).FirstErr()
	for i, r := range records {
		messages[i].Partition, messages[i].Offset = r.Partition, r.Offset
	}
	return err
}

// Read returns the first n messages of a topic, or fewer when ctx ends before.
func Read(ctx context.Context, broker, topic string, n int) (all []*message.Message, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for len(all) < n && ctx.Err() == nil {
		for _, r := range client.PollFetches(ctx).Records() {
			m := &message.Message{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Time: r.Timestamp}
			for _, h := range r.Headers {
				m.Headers = append(m.Headers, message.Field{Key: h.Key, Value: h.Value})
			}
			all = append(all, m)
		}
	}
	return all[:min(n, len(all))], nil
}
