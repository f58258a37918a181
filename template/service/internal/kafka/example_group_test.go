//go:build !jetstream && !rabbitmq

package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// entry is the body of the messages on both topics.
type entry struct {
	ID string `json:"id" validate:"required"`
}

// One process with two consumers: payments with ten workers, audits with one.
func ExampleNewConsumer() {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "payments", "audits")) // a Kafka inside this process
	must(err)
	defer broker.Close()

	cfg, err := config.FromMap(map[string]any{
		"bootstrap.servers": broker.ListenAddrs(), "group.id": "shop", "max_workers": 10,
		"audit_max_workers": 1,
	}, nil)
	must(err)
	auditing, err := cfg.Consumer("audit")
	must(err)
	quiet := slog.New(slog.DiscardHandler)
	publisher := kafka.NewPublisher(cfg.Source, "shop", newRegistry(), quiet)
	defer func() { _ = publisher.Close(cfg.Source.DrainTimeout) }()

	var handled sync.WaitGroup
	handled.Add(2)
	handle := func(_ context.Context, m message.Of[entry]) error {
		fmt.Println(m.Topic, m.Body.ID)
		handled.Done()
		return nil
	}
	payments, audits := newRegistry(), newRegistry()
	message.Register(payments, "payments", message.TypedHandlerFunc[entry](handle))
	message.Register(audits, "audits", message.TypedHandlerFunc[entry](handle))

	first, err := kafka.NewConsumer(cfg.Source, payments, publisher, quiet)
	must(err)
	second, err := kafka.NewConsumer(auditing, audits, publisher, quiet)
	must(err)
	ctx, stop := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return first.Run(ctx) })
	g.Go(func() error { return second.Run(ctx) })

	send(broker, "payments", "audits")
	handled.Wait()
	stop() // as a signal would: both drain and commit
	fmt.Println(first.Name(), second.Name(), g.Wait())
	// Unordered output:
	// payments p-1
	// audits p-1
	// shop shop-audit <nil>
}

// send writes a message to each topic.
func send(broker *kfake.Cluster, topics ...string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	must(err)
	defer client.Close()
	for _, topic := range topics {
		m := message.Message{Topic: topic}
		header := message.NewHeader("Entry", "example")
		must(envelope.JSON{}.Encode(context.Background(), &m, header, entry{ID: "p-1"}))
		must(client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Value: m.Value}).FirstErr())
	}
}
