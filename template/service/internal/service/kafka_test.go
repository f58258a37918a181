//go:build !jetstream && !rabbitmq

package service_test

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// startKafka starts a broker with the topic accounts. Port 0 is any.
func startKafka(t *testing.T, port int, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	kafka, err := kfake.NewCluster(append(options, kfake.NumBrokers(1), kfake.Ports(port), kfake.SeedTopics(3, "accounts"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	return kafka
}

const (
	groupID     = "KAFKA_GROUP_ID" // the setting that names a consumer's group
	firstOffset = 0                // of a partition
)

// startBroker starts a broker with the topic accounts and returns where it is.
func startBroker(t *testing.T) string {
	t.Helper()
	return startKafka(t, 0).ListenAddrs()[0]
}

// portOf returns the port of an address.
func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, _ := net.SplitHostPort(address)
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Without Kafka at the start the service is alive and not ready, and works when
// Kafka comes.
func TestWaitsForKafka(t *testing.T) {
	address := freePort(t)
	b, handled := handling()
	s, stop := start(t, b, settings(address))
	awaitReady(t, s, http.StatusServiceUnavailable, "")
	if code, body := get(s, "/livez"); code != http.StatusOK {
		t.Errorf("/livez says %d %s without Kafka", code, body)
	}
	startKafka(t, portOf(t, address))
	awaitReady(t, s, http.StatusOK, "ok\n")
	handleOne(t, address, handled, "a-1")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// When Kafka goes and comes back, so does the service.
func TestOutlivesKafka(t *testing.T) {
	address := freePort(t)
	data := kfake.DataDir(t.TempDir())
	kafka := startKafka(t, portOf(t, address), data)
	b, handled := handling()
	s, stop := start(t, b, settings(address))
	awaitReady(t, s, http.StatusOK, "ok\n")
	handleOne(t, address, handled, "a-1")
	kafka.Close()
	awaitReady(t, s, http.StatusServiceUnavailable, "")
	startKafka(t, portOf(t, address), data)
	awaitReady(t, s, http.StatusOK, "ok\n")
	handleOne(t, address, handled, "a-2")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestStopsWithoutKafka(t *testing.T) {
	address := freePort(t)
	s, stop := start(t, build(nothing), settings(address))
	awaitReady(t, s, http.StatusServiceUnavailable, "")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// partitionOf returns the partition in which a client puts a key.
func partitionOf(t *testing.T, key string) int32 {
	t.Helper()
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("t").Partition(&kgo.Record{Key: []byte(key)}, embedded.Partitions))
}

// handling is an assembly that says what it has handled.
func handling() (service.Build[none], <-chan string) {
	handled := make(chan string, 10)
	return func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		handle(b.Registry, "accounts", func(_ context.Context, m message.Of[opened]) error {
			handled <- m.Body.ID
			return nil
		})
		return nil
	}, handled
}
