package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// sharing is a consumer of a share group that runs until its test ends or stop is called.
type sharing struct {
	*ShareConsumer
	*seen
	stop func() error
	log  *logBuffer
}

// share runs a consumer of payments, and more topics, in a share group.
func share(t *testing.T, cfg config.Kafka, handle func(context.Context, message.Of[payment]) error, more ...string) *sharing {
	t.Helper()
	registry := newRegistry()
	for _, topic := range append(more, "payments") {
		message.Register(registry, topic, message.TypedHandlerFunc[payment](handle))
	}
	log := &logBuffer{}
	c, err := NewShareConsumer(cfg, registry, newPublisher(t, cfg), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r := &sharing{ShareConsumer: c, seen: newSeen(), log: log}
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
			t.Logf("at the end: %+v, ready: %v\n%s", r.Stats(), r.Ready(), log)
		}
		_ = r.stop()
	})
	return r
}
