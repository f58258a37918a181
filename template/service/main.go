// Command sample-service consumes messages from Kafka and hands them to the
// handlers in handlers/. It ends with SIGTERM or Ctrl-C: what was begun is
// finished and committed; a second signal ends it at once.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/handlers"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/heap"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi" //forge:if http
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/schema" //forge:if avro
	"github.com/ouroboros-forge/forge/template/service/web"             //forge:if http
)

func main() { os.Exit(start()) }

// start does what the command line asks for, until a signal, and returns the
// exit code.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal finds nobody to catch it
	return command(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// settings returns the checked settings; file is what --config names. The names
// of consumers beside the first, if there are any, follow it.
func settings(file string) (config.Config, error) { return config.Load(file) }

// run wires the service and keeps it going until ctx ends, which is a clean
// end, or until something fails that waiting cannot mend.
func run(ctx context.Context, cfg config.Config) (err error) {
	heap.Reserve()
	log := cfg.Log.Logger(os.Stderr)

	codec, err := schema.New(cfg.Registry, log) //forge:if avro
	if err != nil {                             //forge:if avro
		return err //forge:if avro
	} //forge:if avro
	publisher := kafka.NewPublisher(cfg, log)
	publisher.SetCodec(codec)                                    //forge:if avro
	defer func() { err = errors.Join(err, publisher.Close()) }() // what is on its way has the rest of the drain's time

	registry := message.NewRegistry(message.Recover, message.Log(log))
	registry.SetCodec(codec) //forge:if avro
	handlers.Register(registry, handlers.Deps{Log: log, Publisher: publisher})

	consumer, err := kafka.NewConsumer(cfg.Kafka, registry, publisher, log)
	if err != nil {
		return err
	}
	api := httpapi.New(cfg, log)                                //forge:if http
	web.Register(api, web.Deps{Log: log, Publisher: publisher}) //forge:if http

	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, publisher.Ending)        // it and the consumer share a drain's time
	g.Go(func() error { return api.Serve(ctx) })    // answers what it took before it returns //forge:if http
	g.Go(func() error { return consumer.Run(ctx) }) // drains and commits before it returns
	g.Go(func() error { return ops.Serve(ctx, cfg.Ops, log, consumer) })
	return g.Wait()
}
