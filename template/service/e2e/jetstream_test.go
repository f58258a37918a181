//go:build jetstream

// Package e2e runs the service against a real NATS: one inside the test's process, or
// the one that NATS_TEST_URL names.
package e2e

import (
	"context"
	"os"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	source "github.com/ouroboros-forge/forge/template/service/internal/jetstream"
)

// startBroker starts a server that ends with the test and returns the settings that lead
// a service there.
func startBroker(_ context.Context, t *testing.T) map[string]string {
	t.Helper()
	url := os.Getenv("NATS_TEST_URL")
	if url == "" {
		started, stop, err := embedded.Start(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		url = started
	}
	return map[string]string{embedded.Address: url, "JETSTREAM_GROUP": group}
}

// checkDone asks NATS whether the group has acknowledged all messages.
func checkDone(ctx context.Context, t *testing.T, settings map[string]string) {
	t.Helper()
	js := connect(t, settings)
	for name := range js.StreamNames(ctx).Name() {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		for info := range stream.ListConsumers(ctx).Info() {
			if n := int(info.NumPending) + info.NumAckPending; n != 0 {
				t.Errorf("%s of %s: %d messages are not acknowledged", info.Name, name, n)
			}
		}
	}
}

// written returns how many messages a topic has.
func written(ctx context.Context, t *testing.T, settings map[string]string, topic string) int64 {
	t.Helper()
	stream, err := connect(t, settings).Stream(ctx, source.StreamName(topic))
	if err != nil {
		t.Fatal(err)
	}
	return int64(stream.CachedInfo().State.Msgs)
}

func connect(t *testing.T, settings map[string]string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(settings[embedded.Address])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
