//go:build !jetstream && !rabbitmq

// Package e2e runs the service against a real Kafka in a container.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	kafkaPort   = "9092/tcp"
	startScript = "/tmp/start-kafka"

	startup = 2 * time.Minute // seconds, where the machine has nothing else to do
)

// startBroker starts a broker that ends with the test and returns the settings that lead
// a service there.
func startBroker(ctx context.Context, t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"KAFKA_BOOTSTRAP_SERVERS": startKafka(ctx, t), "KAFKA_GROUP_ID": group}
}

// startKafka starts a broker in a container and returns its address.
// Without Docker the test is skipped, unless E2E=require.
func startKafka(ctx context.Context, t *testing.T) string {
	t.Helper()
	if testing.Short() {
		skip(t, "-short", errors.New("a real Kafka takes its time"))
	}
	if err := docker(ctx); err != nil {
		skip(t, "no Docker answers", err)
	}
	image := cmp.Or(os.Getenv("KAFKA_IMAGE"), "apache/kafka:4.2.0")
	kafka, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts(kafkaPort),
		testcontainers.WithEnv(singleNode),
		// The broker tells its clients where it is, and that is known only once
		// Docker has given it a port: so it waits for a script that knows.
		testcontainers.WithEntrypoint("sh", "-c", "until [ -x "+startScript+" ]; do sleep 0.1; done; exec "+startScript),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostStarts: []testcontainers.ContainerHook{tellAddress},
		}),
		testcontainers.WithWaitStrategyAndDeadline(startup, wait.ForLog("Kafka Server started").WithStartupTimeout(startup)),
	)
	testcontainers.CleanupContainer(t, kafka)
	if err != nil && kafka == nil {
		skip(t, "Docker cannot make a container of "+image, err)
	}
	if err != nil {
		t.Fatalf("starting %s: %v", image, err)
	}
	address, err := addressOf(ctx, kafka)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// singleNode configures a broker that is its own controller.
var singleNode = map[string]string{
	"KAFKA_NODE_ID":                          "1",
	"KAFKA_PROCESS_ROLES":                    "broker,controller",
	"KAFKA_CONTROLLER_QUORUM_VOTERS":         "1@localhost:9093",
	"KAFKA_LISTENERS":                        "PLAINTEXT://:9092,CONTROLLER://:9093",
	"KAFKA_CONTROLLER_LISTENER_NAMES":        "CONTROLLER",
	"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":   "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
	"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
	"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
	"KAFKA_AUTO_CREATE_TOPICS_ENABLE":        "false",
	"KAFKA_HEAP_OPTS":                        "-Xmx512m",

	"KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1", //forge:if share
	"KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR":            "1", //forge:if share
}

// tellAddress gives a started container the script it waits for.
func tellAddress(ctx context.Context, kafka testcontainers.Container) error {
	address, err := addressOf(ctx, kafka)
	if err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\nexport KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://%s\nexec /etc/kafka/docker/run\n", address)
	return kafka.CopyToContainer(ctx, []byte(script), startScript, 0o755)
}

// addressOf returns host:port under which this machine reaches the broker.
func addressOf(ctx context.Context, kafka testcontainers.Container) (string, error) {
	host, err := kafka.Host(ctx)
	if err != nil {
		return "", err
	}
	port, err := kafka.MappedPort(ctx, kafkaPort)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port.Port()), nil
}

// checkDone asks Kafka whether the group has committed everything.
func checkDone(ctx context.Context, t *testing.T, settings map[string]string) {
	t.Helper()
	lags, err := kadm.NewClient(connect(t, settings)).Lag(ctx, settings["KAFKA_GROUP_ID"])
	if err != nil {
		t.Fatal(err)
	}
	for _, lag := range lags[settings["KAFKA_GROUP_ID"]].Lag.Sorted() {
		if lag.Lag != 0 {
			t.Errorf("%s/%d: %d messages are not committed", lag.Topic, lag.Partition, lag.Lag)
		}
	}
}

// written returns how many messages a topic has.
func written(ctx context.Context, t *testing.T, settings map[string]string, topic string) (n int64) {
	t.Helper()
	ends, err := kadm.NewClient(connect(t, settings)).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

func connect(t *testing.T, settings map[string]string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(settings["KAFKA_BOOTSTRAP_SERVERS"]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// docker returns nil if a Docker engine answers.
func docker(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil { // testcontainers panics where it finds no engine
			err = fmt.Errorf("%v", v)
		}
	}()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return err
	}
	defer func() { _ = provider.Close() }()
	return provider.Health(ctx)
}

// skip ends the test: it fails where somebody asked for it.
func skip(t *testing.T, what string, why error) {
	t.Helper()
	reason, _, _ := bytes.Cut([]byte(why.Error()), []byte("\n"))
	if os.Getenv("E2E") == "require" {
		t.Fatalf("%s: %s", what, reason)
	}
	t.Skipf("NOT TESTED on a real Kafka: %s: %s (E2E=require makes this a failure)", what, reason)
}
