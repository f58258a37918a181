package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi" //forge:if http
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Build puts a service together from its own settings, which are read and
// checked like all others. It runs for every command, so it opens nothing that
// waits: that belongs into a Start function. Its error ends the start.
type Build[S any] func(ctx context.Context, own S, b *Builder) error

// Builder is what Build is given: the parts that are there, and methods that
// add others. It is used only until Build returns.
type Builder struct {
	Log       *slog.Logger
	Config    config.Config
	Registry  *message.Registry     // of the first consumer: KAFKA_GROUP_ID
	Publisher message.Publisher     // connects when it is first needed
	Metrics   prometheus.Registerer // collectors that are registered here are served at /metrics
	API       *httpapi.API          // what is taken over HTTP //forge:if http

	codec    message.Codec // of all topics that have no other //forge:if avro
	others   []consumerOf  // beside the first
	starts   []hook
	checks   []hook
	besides  []hook
	closers  []hook
	mistakes []error
}

// hook is a function of the user's, with the name that is logged.
type hook struct {
	name string
	call func(context.Context) error
}

// consumerOf is a registry with the settings of the consumer that reads its topics.
type consumerOf struct {
	kafka    config.Kafka
	registry *message.Registry
}

// Publishes declares events that the service publishes. Their models are checked
// at the start, their topics when Kafka is connected; `make dev` and tests create
// the topics. It panics on a mistake, which ends the start.
func (b *Builder) Publishes(events ...message.Event) { b.Registry.Publishes(events...) }

// Consumer adds a consumer and returns its registry. It has topics, a group and
// workers of its own: its settings are those of NAME_KAFKA_…, and where there is
// none those of KAFKA_…. Its group is "-" and its name after the first one's.
func (b *Builder) Consumer(name string) *message.Registry {
	c := consumerOf{registry: b.Registry.NewSibling()}
	var err error
	if c.kafka, err = b.Config.Consumer(name); err != nil {
		b.mistakes = append(b.mistakes, err)
	}
	b.others = append(b.others, c)
	return c.registry
}

// Start adds a function that is called before the first message; several are
// called one after another. While it fails with message.Unavailable, or an error
// that message.IsOutage reports, it is called again, and /readyz says why. Any
// other error ends the service. ctx ends when the service is to stop.
func (b *Builder) Start(name string, f func(ctx context.Context) error) {
	b.add(&b.starts, "Start", name, f)
}

// Close adds a function that is called after the last handler has returned, also
// when the start failed; the one that was added last is called first.
func (b *Builder) Close(name string, f func() error) {
	var call func(context.Context) error
	if f != nil {
		call = func(context.Context) error { return f() }
	}
	b.add(&b.closers, "Close", name, call)
}

// Check adds a function that /readyz asks, with two seconds to answer. Its error
// makes the service not ready, and is shown with the name. It is not called before
// all Start functions have succeeded.
func (b *Builder) Check(name string, f func(ctx context.Context) error) {
	b.add(&b.checks, "Check", name, f)
}

// Run adds a function that runs beside the consumers, from when all has started
// until ctx ends, which is after the last handler. Its error ends the service; it
// may also return nil before, when it is done.
func (b *Builder) Run(name string, f func(ctx context.Context) error) {
	b.add(&b.besides, "Run", name, f)
}

func (b *Builder) add(to *[]hook, method, name string, f func(context.Context) error) {
	if name == "" || f == nil {
		b.mistakes = append(b.mistakes, fmt.Errorf("%s(%q, …) needs a name and a function", method, name))
	}
	*to = append(*to, hook{name, f})
}

// drainTimeout is the longest of the consumers'.
func (b *Builder) drainTimeout() time.Duration {
	longest := b.Config.Kafka.DrainTimeout
	for _, c := range b.others {
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
