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
)

// Partitions is how many each topic has that CreateTopics creates.
const Partitions = 6

// Broker is a running broker.
type Broker struct {
	Addr    string // host:port, on loopback
	cluster *kfake.Cluster
}

// Start starts a broker on the port, or on another when that is taken. Port 0 is
// any.
func Start(port int) (*Broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port))
	if err != nil {
		cluster, err = kfake.NewCluster(kfake.NumBrokers(1))
	}
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	return &Broker{Addr: cluster.ListenAddrs()[0], cluster: cluster}, nil
}

// Settings lead a service to a broker without encryption or a password, whatever
// other settings say of its own.
func Settings(broker string) map[string]string {
	all := map[string]string{"KAFKA_BOOTSTRAP_SERVERS": broker, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_AUTO_OFFSET_RESET": "earliest"}
	for _, unused := range []string{"SASL_USERNAME", "SASL_PASSWORD", "SSL_CA", "SSL_CERT", "SSL_KEY", "GROUP_INSTANCE_ID"} {
		all["KAFKA_"+unused] = ""
	}
	return all
}

// Close ends the broker.
func (b *Broker) Close() { b.cluster.Close() }

// CreateTopics creates topics at the broker, which may be any. Those that exist
// stay as they are.
func CreateTopics(ctx context.Context, broker string, topics ...string) error {
	slices.Sort(topics)
	if topics = slices.Compact(topics); len(topics) == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return err
	}
	defer client.Close()
	created, err := kadm.NewClient(client).CreateTopics(ctx, Partitions, -1, nil, topics...)
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

// Send produces records in their order to the broker, which may be any, and
// returns once each was acknowledged. Then they say where they landed.
func Send(ctx context.Context, broker string, records ...*kgo.Record) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, records...).FirstErr()
}
