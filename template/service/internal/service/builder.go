package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi" //forge:if http
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Build puts a service together, with its own settings, which are read and checked
// like all others. It runs for every command, so it opens nothing that waits: that
// belongs into a Start function. Its error ends the start.
type Build[S any] func(ctx context.Context, own S, b *Builder) error

// Builder is what Build is given. It is used only until Build returns.
type Builder struct {
	Log       *slog.Logger
	Config    config.Config
	Registry  *message.Registry     // of the first consumer, whose group is KAFKA_GROUP_ID
	Publisher message.Publisher     // connects when it is first needed
	Metrics   prometheus.Registerer // what is registered here is served at /metrics
	API       *httpapi.API          // what is taken over HTTP //forge:if http

	codec                            message.Codec // of all topics that have no other //forge:if avro
	consumers                        []consumer    // the first is of Registry
	starts, checks, besides, closers []hook
	mistakes                         []error
}

// consumer is a registry with the settings of what consumes its topics.
type consumer struct {
	name     string // "" is the first
	kafka    config.Kafka
	registry *message.Registry
}

// hook is a function of the user's, with the name that is logged.
type hook struct {
	name string
	call func(context.Context) error
}

// Publishes declares events that the service publishes: their models are checked
// at the start, and their topics must exist. `make dev` and tests create them.
func (b *Builder) Publishes(events ...message.Event) { b.Registry.Publishes(events...) }

// Consumer adds a consumer with topics, workers and a group of its own, and returns
// its registry. Its settings are NAME_KAFKA_…, and where there is none KAFKA_…; its
// group is the first one's, "-" and its name.
func (b *Builder) Consumer(name string) *message.Registry {
	kafka, err := b.Config.Consumer(name)
	if slices.ContainsFunc(b.consumers, func(c consumer) bool { return c.name == name }) {
		err = fmt.Errorf("app: consumer %q is added twice: keep the registry of the first time", name)
	}
	if err != nil {
		b.mistakes = append(b.mistakes, err)
	}
	registry := b.Registry.NewSibling()
	b.consumers = append(b.consumers, consumer{name, kafka, registry})
	return registry
}

// Start adds a function that is called before the first message; several are
// called one after another. While it fails with message.Unavailable, or an error
// that message.IsOutage reports, it is called again, and /readyz says why. Any
// other error ends the service. ctx ends when the service is to stop.
func (b *Builder) Start(name string, f func(ctx context.Context) error) { b.add(&b.starts, name, f) }

// Close adds a function that is called after the last handler has returned, also
// when the start failed; the one that was added last is called first.
func (b *Builder) Close(name string, f func() error) {
	call := func(context.Context) error { return f() }
	if f == nil {
		call = nil
	}
	b.add(&b.closers, name, call)
}

// Check adds a function that /readyz calls, with two seconds to answer. Its error
// makes the service not ready, and is shown with the name. It is not called before
// all Start functions have succeeded.
func (b *Builder) Check(name string, f func(ctx context.Context) error) { b.add(&b.checks, name, f) }

// Run adds a function that runs beside the consumers, from when all has started
// until ctx ends, which is after the last handler. Its error ends the service; it
// may return nil before, when it is done.
func (b *Builder) Run(name string, f func(ctx context.Context) error) { b.add(&b.besides, name, f) }

func (b *Builder) add(to *[]hook, name string, f func(context.Context) error) {
	if name == "" || f == nil {
		b.mistakes = append(b.mistakes, fmt.Errorf("app: %q: Start, Close, Check and Run need a name and a function", name))
	}
	*to = append(*to, hook{name, f})
}

// drainTimeout is the longest of the consumers'.
func (b *Builder) drainTimeout() (longest time.Duration) {
	for _, c := range b.consumers {
		longest = max(longest, c.kafka.DrainTimeout)
	}
	return longest
}

// callBuild calls build. A panic with an error is a mistake in the wiring, of
// message.Register say: its text says more than a stack.
func callBuild[S any](ctx context.Context, build Build[S], own S, b *Builder) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case runtime.Error:
			panic(v) // a bug: its stack says where
		case error:
			err = v
		default:
			panic(v)
		}
	}()
	return errors.Join(build(ctx, own, b), errors.Join(b.mistakes...))
}
