package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/handlers"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
	"github.com/ouroboros-forge/forge/template/service/internal/schema" //forge:if avro
)

// group is the consumer group here.
const group = "dev"

// settings are those of production but for what would make a person wait, and
// for the broker: neither .env nor the environment can send dev elsewhere.
func settings(brokerAddr string) (config.Config, error) {
	return config.FromMap(map[string]string{
		"KAFKA_BOOTSTRAP_SERVERS": brokerAddr,
		"SCHEMA_REGISTRY_FORMAT":  schemaFormat(), //forge:if avro
		"KAFKA_GROUP_ID":          group,
		"KAFKA_COMMIT_INTERVAL":   "100ms",
		"KAFKA_DRAIN_TIMEOUT":     "3s",
		"KAFKA_FETCH_MAX_WAIT":    "50ms",
		"KAFKA_METADATA_BACKOFF":  "20ms",
		"OPS_ADDR":                "127.0.0.1:0",
		"LOG_LEVEL":               cmp.Or(os.Getenv("LOG_LEVEL"), "warn"),
	})
}

// service is what main.go wires, with a report that sees every event.
type service struct {
	topics    []string
	publisher *kafka.Publisher
	consumer  *kafka.Consumer
	ops       net.Listener
	door      *door //forge:if http
	log       *slog.Logger
}

func newService(ctx context.Context, broker *broker, observe func(engine.Event)) (*service, error) {
	cfg, err := settings(broker.addr)
	if err != nil {
		return nil, err
	}
	cfg.Registry.URLs = []string{broker.registry.url} //forge:if avro
	log := cfg.Log.Logger(os.Stderr)
	if os.Getenv("LOG_LEVEL") == "" {
		cfg.Log.Level = "error" // what the engine warns of, the report tells
	}
	s := &service{log: cfg.Log.Logger(os.Stderr)}
	if s.ops, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Ops.Addr); err != nil {
		return nil, err
	}
	s.publisher = kafka.NewPublisher(cfg, s.log)
	registry := message.NewRegistry(message.Recover)
	codec, err := schema.New(cfg.Registry, s.log) //forge:if avro
	if err != nil {                               //forge:if avro
		return nil, err //forge:if avro
	} //forge:if avro
	registry.SetCodec(codec)    //forge:if avro
	s.publisher.SetCodec(codec) //forge:if avro
	handlers.Register(registry, handlers.Deps{Log: log, Publisher: s.publisher})
	s.topics = registry.Topics()
	if s.consumer, err = kafka.NewConsumer(cfg.Kafka, registry, s.publisher, s.log); err != nil {
		return nil, err
	}
	s.consumer.Observe(observe)
	s.door, err = openDoor(ctx, cfg, s.publisher, s.log) //forge:if http
	return s, err
}

// run consumes until ctx ends, then drains and commits.
func (s *service) run(ctx context.Context) error {
	defer func() { _ = s.publisher.Close() }()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.door.run(ctx) }) //forge:if http
	g.Go(func() error { return s.consumer.Run(ctx) })
	g.Go(func() error { return ops.ServeOn(ctx, s.ops, s.log, s.consumer) })
	return g.Wait()
}
