package thousand

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// embedded starts the broker that services have for development, in this
// process, and returns its address.
func embedded(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

// startup is what a Kafka may take to start: seconds, on a machine that is not busy.
const startup = 3 * time.Minute

// realKafka starts a Kafka in a container and returns its address. It has to
// know that address from the start, so the port is chosen here.
func realKafka(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*startup)
	defer cancel()
	host, err := dockerHost(ctx)
	if err != nil {
		generated.Missing(t, "no Docker answers: %v", err)
	}
	image := cmp.Or(os.Getenv("KAFKA_IMAGE"), "apache/kafka:4.1.0")
	port := freePort(t)
	address := net.JoinHostPort(host, port)
	kafka, err := testcontainers.Run(ctx, image,
		testcontainers.WithExposedPorts("9092/tcp"),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.PortBindings = network.PortMap{network.MustParsePort("9092/tcp"): {{HostPort: port}}}
		}),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_NODE_ID":                          "1",
			"KAFKA_PROCESS_ROLES":                    "broker,controller",
			"KAFKA_CONTROLLER_QUORUM_VOTERS":         "1@localhost:9093",
			"KAFKA_CONTROLLER_LISTENER_NAMES":        "CONTROLLER",
			"KAFKA_LISTENERS":                        "PLAINTEXT://:9092,CONTROLLER://:9093",
			"KAFKA_ADVERTISED_LISTENERS":             "PLAINTEXT://" + address,
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":   "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE":        "false",
			"KAFKA_HEAP_OPTS":                        "-Xmx512m",
		}),
		testcontainers.WithWaitStrategyAndDeadline(startup, wait.ForLog("Kafka Server started").WithStartupTimeout(startup)))
	testcontainers.CleanupContainer(t, kafka)
	if err != nil && kafka == nil {
		generated.Missing(t, "Docker has no %s: %v", image, err)
	}
	if err != nil {
		t.Fatalf("starting %s: %v", image, err)
	}
	return address
}

// dockerHost returns the host on which containers' ports are published.
func dockerHost(ctx context.Context) (host string, err error) {
	defer func() {
		if v := recover(); v != nil { // testcontainers panics where it finds no engine
			err = fmt.Errorf("%v", v)
		}
	}()
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", err
	}
	defer func() { _ = provider.Close() }()
	if err := provider.Health(ctx); err != nil {
		return "", err
	}
	return provider.DaemonHost(ctx)
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
