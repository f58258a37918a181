//go:build avro

package service

import (
	"context"
	"fmt"
	"io"

	"github.com/ouroboros-forge/forge/template/service/handlers"
	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// schemas does what `schema` and its arguments ask for, with the models that
// handlers.Register registers, and returns the exit code.
func schemas(ctx context.Context, file string, args []string, stdout, stderr io.Writer) int {
	cfg, err := settings(file)
	if err = config.OfRegistry(err); err != nil { // it does not matter where Kafka is
		fmt.Fprintln(stderr, "sample-service:", err)
		return 2
	}
	log := cfg.Log.Logger(stderr)
	codec, err := schema.New(cfg.Registry, log)
	if err != nil {
		fmt.Fprintln(stderr, "sample-service:", err)
		return 2
	}
	publisher := kafka.NewPublisher(cfg, log)
	defer func() { _ = publisher.Close() }() // it never published
	registry := message.NewRegistry()
	registry.SetCodec(codec)
	handlers.Register(registry, handlers.Deps{Log: log, Publisher: publisher})
	return schema.Command(ctx, codec, args, stdout, stderr)
}
