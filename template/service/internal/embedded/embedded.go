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

// Settings lead a service to a broker without encryption or a password, whatever
// other settings say of its own, and keep nobody waiting.
func Settings(broker string) map[string]string {
	all := map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS": broker, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_AUTO_OFFSET_RESET": "earliest",
		"KAFKA_COMMIT_INTERVAL": "50ms", "KAFKA_FETCH_MAX_WAIT": "50ms", "OPS_ADDR": "127.0.0.1:0", "LOG_LEVEL": "warn",
	}
	for _, unused := range []string{"SASL_USERNAME", "SASL_PASSWORD", "SSL_CA", "SSL_CERT", "SSL_KEY", "GROUP_INSTANCE_ID"} {
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
