// Package contender has consumers as people write them, to compare with: each
// in a few lines, at least once, committing each second unless a framework has
// its own way.
package contender

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// settings are the same for all, and come from the environment.
type settings struct {
	brokers      []string
	topic, group string
	workers      int    // of those that have workers; 0 is to handle messages one after the other
	nats         string // its URL
	rabbitmq     string // its URL
	prefetch     int    // messages that RabbitMQ delivers before one is done
}

// contender consumes until ctx ends and gives each message to the meter.
type contender func(ctx context.Context, s settings, m *meter.Meter) error

var all = map[string]contender{
	"sarama":                 bySarama(none),
	"sarama-goroutines":      saramaGoroutines,
	"sarama-json":            bySarama(standard),
	"sarama-json-experiment": bySarama(experiment),
	"franz":                  byFranz(none),
	"franz-json":             byFranz(standard),
	"franz-json-validator":   byFranz(validated),
	"franz-json-experiment":  byFranz(experiment),
	"watermill":              byWatermill,
	"franz-publish":          byFranzAsync,
	"sarama-publish":         bySaramaAsync(bare, beforehand),
	"sarama-publish-safe":    bySaramaAsync(safe, beforehand),
	"sarama-publish-json":    bySaramaAsync(bare, envelope),
	"jetstream":              byJetStream(0),
	"jetstream-6":            byJetStream(6),
	"watermill-jetstream":    byWatermillJetStream,
	"share":                  byShareGroup,
	"rabbitmq":               byRabbitMQ,
	"watermill-rabbitmq":     byWatermillRabbitMQ,
}

// Names returns the names of all contenders, sorted.
func Names() []string { return slices.Sorted(maps.Keys(all)) }

// Run runs one contender until its meter has seen enough, and prints the
// figures.
func Run(name string) error {
	run, ok := all[name]
	if !ok {
		return fmt.Errorf("no contender %q, only %s", name, strings.Join(Names(), ", "))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	workers, _ := strconv.Atoi(os.Getenv("MAX_WORKERS"))
	prefetch, _ := strconv.Atoi(os.Getenv("MAX_POLL_RECORDS"))
	m := meter.New()
	s := settings{
		brokers: strings.Split(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), ","),
		topic:   os.Getenv("BENCH_TOPIC"),
		group:   os.Getenv("KAFKA_GROUP_ID"),
		workers: workers,
		nats:    os.Getenv("NATS_URL"),

		rabbitmq: os.Getenv("RABBITMQ_URL"),
		prefetch: prefetch,
	}
	if err := run(ctx, s, m); err != nil {
		return err
	}
	m.Report()
	return nil
}
