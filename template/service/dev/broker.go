package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	usualPort  = 9092 // where clients look for Kafka when they are told nothing else
	partitions = 6    // of each topic
)

// broker is a Kafka-compatible broker inside this process.
type broker struct {
	*kfake.Cluster
	addr     string    // host:port
	registry *registry //forge:if avro
}

// startBroker starts a broker on loopback, on the usual port if that is free.
func startBroker() (*broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(usualPort))
	if err != nil {
		cluster, err = kfake.NewCluster(kfake.NumBrokers(1))
	}
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	b := &broker{Cluster: cluster, addr: cluster.ListenAddrs()[0]}
	b.registry, err = startRegistry() //forge:if avro
	return b, err
}

// create makes the topics; the service makes those of their dead letters.
func (b *broker) create(topics []string) error {
	for _, topic := range topics {
		if err := b.CreateTopic(topic, partitions, nil); err != nil {
			return fmt.Errorf("creating topic %s: %w", topic, err)
		}
	}
	return nil
}

// usual tells whether a client that is told nothing finds this broker.
func (b *broker) usual() bool {
	_, port, err := net.SplitHostPort(b.addr)
	return err == nil && port == strconv.Itoa(usualPort)
}
