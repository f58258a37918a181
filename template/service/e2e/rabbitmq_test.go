//go:build rabbitmq

// Package e2e runs the service against a real RabbitMQ: that of RABBITMQ_URL, or that of
// this machine.
package e2e

import (
	"context"
	"os"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/samples"
)

// startBroker returns the settings that lead a service to queues that end with the test.
// Without a broker the test is skipped, unless E2E=require.
func startBroker(_ context.Context, t *testing.T) map[string]string {
	t.Helper()
	broker, stop, err := embedded.Start(0)
	switch {
	case err == nil:
	case os.Getenv("E2E") == "require":
		t.Fatal(err)
	default:
		t.Skipf("NOT TESTED on a real RabbitMQ: %v (E2E=require makes this a failure)", err)
	}
	t.Cleanup(stop)
	return map[string]string{embedded.Address: embedded.Settings(broker, group)[embedded.Address]}
}

// checkDone asks RabbitMQ whether the queues are empty.
func checkDone(ctx context.Context, t *testing.T, settings map[string]string) {
	t.Helper()
	all, err := samples.Load(os.DirFS("../dev/samples"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range all {
		if n := written(ctx, t, settings, sample.Topic); n > 0 {
			t.Errorf("%s: %d messages are not acknowledged", sample.Topic, n)
		}
	}
}

// written returns how many messages the queue of a topic has.
func written(_ context.Context, t *testing.T, settings map[string]string, topic string) int64 {
	t.Helper()
	url, prefix, _ := strings.Cut(settings[embedded.Address], "#")
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	queue, err := ch.QueueDeclarePassive(prefix+topic, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return int64(queue.Messages)
}
