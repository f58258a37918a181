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
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// Build puts a service together, with its own settings, which are read and checked like
// all others. It runs for every command, so what waits belongs into a Start function. It
// runs also when settings are wrong, with defaults in their place, so that those of all
// consumers are named. Its error ends the start.
type Build[S any] func(ctx context.Context, own S, b *Builder) error

// Builder is what Build is given. It is used only until Build returns.
type Builder struct {
	Log       *slog.Logger
	Config    config.Config
	Registry  *message.Registry     // of the first consumer, whose group is the settings' own
	Publisher message.Publisher     // connects when it is first needed
	Metrics   prometheus.Registerer // what is registered here is served at /metrics
	API       *httpapi.API          // what is taken over HTTP //forge:if http

	codec                    message.Codec // of all topics that have no other //forge:if avro
	consumers                []consumer    // the first is of Registry
	starts, besides, closers []task        // in the order in which they are done
	checks                   []ops.Check
}

// consumer is a registry with the settings of what consumes its topics.
type consumer struct {
	name     string // "" is the first
	source   config.Source
	registry *message.Registry
}

// Publishes declares events that the service publishes: their models are checked
// at the start, and by consumers that their topics exist. `make dev` and tests create them.
func (b *Builder) Publishes(events ...message.Event) { b.Registry.Publishes(events...) }

// Consumer adds a consumer with topics, workers and a group of its own, and returns its
// registry. Its settings are NAME_MAX_WORKERS and the like, and where there is none
// MAX_WORKERS; its group is the first one's, "-" and its name.
func (b *Builder) Consumer(name string) *message.Registry {
	if slices.ContainsFunc(b.consumers, func(c consumer) bool { return c.name == name }) {
		panic(fmt.Errorf("app: consumer %q is added twice: keep the registry of the first time", name))
	}
	source, _ := b.Config.Consumer(name) // Config.Check says what is wrong
	registry := b.Registry.NewSibling()
	b.consumers = append(b.consumers, consumer{name, source, registry})
	return registry
}

// Start adds a function that is called before the first message; several are
// called one after another. While it fails with message.Unavailable, or an error
// that message.IsOutage reports, it is called again, and /readyz says why. Any
// other error ends the service. ctx ends when the service is to stop.
func (b *Builder) Start(name string, f func(ctx context.Context) error) {
	mustHave(name, f != nil)
	b.starts = append(b.starts, task{"start " + name, f})
}

// Close adds a function that is called after the last handler has returned, also
// when the start failed; the one that was added last is called first.
func (b *Builder) Close(name string, f func() error) {
	mustHave(name, f != nil)
	b.closers = slices.Insert(b.closers, 0, task{"close " + name, func(context.Context) error { return f() }})
}

// Check adds a function that /readyz calls, with two seconds to answer. Its error
// makes the service not ready, and is shown with the name. It is not called before
// all Start functions have succeeded.
func (b *Builder) Check(name string, f func(ctx context.Context) error) {
	mustHave(name, f != nil)
	b.checks = append(b.checks, ops.NewCheck(name, f))
}

// Run adds a function that runs beside the consumers, from when all has started
// until ctx ends, which is after the last handler. Its error ends the service; it
// may return nil before, when it is done.
func (b *Builder) Run(name string, f func(ctx context.Context) error) {
	mustHave(name, f != nil)
	call := func(ctx context.Context) error {
		err := f(ctx)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) { // it says no more than that ctx has ended
			return nil
		}
		return err
	}
	b.besides = append(b.besides, task{"run " + name, call})
}

// mustHave panics when a part of the service lacks its name or its function.
func mustHave(name string, hasFunction bool) {
	if name == "" || !hasFunction {
		panic(fmt.Errorf("app: %q: Start, Close, Check and Run need a name and a function", name))
	}
}

// drainTimeout is the longest of the consumers'.
func (b *Builder) drainTimeout() (longest time.Duration) {
	for _, c := range b.consumers {
		longest = max(longest, c.source.DrainTimeout)
	}
	return longest
}

// callBuild calls build. A panic with an error is a mistake in the wiring, of
// message.Register say: its text says more than a stack. So is any panic while
// settings are wrong, which build has defaults for.
func callBuild[S any](ctx context.Context, build Build[S], own S, b *Builder) (err error) {
	defer func() {
		v := recover()
		mistake, isError := v.(error)
		_, isBug := v.(runtime.Error)
		switch {
		case v == nil:
		case isError && !isBug:
			err = mistake
		case b.Config.Check(false) == nil:
			panic(v) // a bug: its stack says where
		default:
			err = fmt.Errorf("app: panic: %v", v)
		}
	}()
	return build(ctx, own, b)
}
