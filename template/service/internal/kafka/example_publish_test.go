//go:build !jetstream && !rabbitmq

package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// InvoicePaid is an event: a model that says where it goes.
type InvoicePaid struct {
	Invoice string  `json:"invoice" validate:"required"`
	Amount  float64 `json:"amount"`
}

func (InvoicePaid) Topic() string       { return "invoices" }
func (e InvoicePaid) Key() string       { return e.Invoice } // what is said of one invoice stays in its order
func (InvoicePaid) MessageType() string { return "InvoicePaid" }

// open returns a publisher to an embedded broker, and what ends both.
func open(settings map[string]any) (*publisher.Publisher, func()) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, "invoices"))
	must(err)
	all := map[string]any{"bootstrap.servers": cluster.ListenAddrs(), "group.id": "billing"}
	maps.Copy(all, settings)
	cfg, err := config.FromMap(all, nil)
	must(err)
	p := kafka.NewPublisher(cfg.Source, "billing", newRegistry(), slog.New(slog.DiscardHandler))
	return p, func() { _ = p.Close(cfg.Source.DrainTimeout); cluster.Close() }
}

// A handler gets the publisher as a message.Publisher, and returns what Publish
// returns: while Kafka is away, that asks for its message to be tried again.
func ExampleNewPublisher() {
	publisher, end := open(nil)
	defer end()
	err := publisher.Publish(context.Background(), InvoicePaid{Invoice: "2026-17", Amount: 12.5})
	fmt.Println("acknowledged:", err == nil)
	// Output: acknowledged: true
}

// Many events at once: each has its callback, and Flush waits for all.
func ExampleNewPublisher_async() {
	publisher, end := open(nil)
	defer end()
	ctx := context.Background()
	for i := range 3 {
		e := InvoicePaid{Invoice: "2026-17", Amount: float64(i)}
		publisher.PublishAsync(ctx, e, func(d message.Delivery, err error) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("invoice", d.Key, "is at offset", d.Offset)
		})
	}
	must(publisher.Flush(ctx))
	// Output:
	// invoice 2026-17 is at offset 0
	// invoice 2026-17 is at offset 1
	// invoice 2026-17 is at offset 2
}

// NoSuchTopic is an event that goes nowhere.
type NoSuchTopic struct{ InvoicePaid }

func (NoSuchTopic) Topic() string { return "misspelt" }

// An event that cannot be published comes back in the error.
func ExampleNewPublisher_error() {
	publisher, end := open(nil)
	defer end()
	err := publisher.Publish(context.Background(), NoSuchTopic{InvoicePaid{Invoice: "2026-17", Amount: 12.5}})
	if failed, ok := errors.AsType[*message.PublishError](err); ok {
		fmt.Println(failed.Topic, failed.Key, failed.Event.(NoSuchTopic).Amount, message.OutcomeOf(err) == message.OutcomeRetry)
	}
	// Output: misspelt 2026-17 12.5 true
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func newRegistry() *message.Registry {
	return message.NewRegistry(envelope.JSON{}, envelope.NewRules())
}
