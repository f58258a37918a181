package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// running is a consumer that runs until its test ends or stop is called.
type running struct {
	*Consumer
	stop func() error
	*seen
}

// consume runs a consumer of the given topics with one handler.
func consume(t *testing.T, cfg config.Kafka, handle func(context.Context, message.Of[payment]) error, topics ...string) *running {
	t.Helper()
	return consumeLogging(t, cfg, quiet, handle, topics...)
}

func consumeLogging(t *testing.T, cfg config.Kafka, log *slog.Logger, handle func(context.Context, message.Of[payment]) error, topics ...string) *running {
	t.Helper()
	registry := newRegistry()
	for _, topic := range topics {
		message.Register(registry, topic, message.TypedHandlerFunc[payment](handle))
	}
	return consumeWith(t, cfg, log, registry)
}

// consumeWith runs a consumer of a registry's topics.
func consumeWith(t *testing.T, cfg config.Kafka, log *slog.Logger, registry *message.Registry) *running {
	t.Helper()
	var logged logBuffer // without another log, for who asks why the test failed
	if log == quiet {
		log = slog.New(slog.NewTextHandler(&logged, nil))
	}
	c, err := NewConsumer(cfg, registry, newPublisher(t, cfg), log)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Consumer: c, seen: newSeen()}
	c.Observe(r.note)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	if err := registry.Startup(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { done <- errors.Join(c.Run(ctx), registry.Shutdown(context.WithoutCancel(ctx))) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("at the end: %+v, ready: %v\n%s", r.Stats(), r.Ready(), &logged)
		}
		_ = r.stop()
	})
	return r
}

// committed returns what the tests' group committed of a partition of payments, -1 for nothing.
func committed(t *testing.T, c *kfake.Cluster, partition int32) int64 {
	t.Helper()
	client := newClient(t, c)
	defer client.Close() // who waits asks often
	got, err := kadm.NewClient(client).FetchOffsets(t.Context(), "tests")
	if err != nil {
		t.Fatal(err)
	}
	o, ok := got.Lookup("payments", partition)
	if !ok {
		return -1
	}
	return o.At
}

// workLeft returns how many partitions the last session ended with work left in.
func (r *running) workLeft() int {
	r.Consumer.mu.Lock()
	defer r.Consumer.mu.Unlock()
	return len(r.left)
}
