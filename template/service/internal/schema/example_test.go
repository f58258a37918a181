package schema_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// TerritoryCreated is an event. Its schema is made from its fields: a pointer
// may be missing, a field with omitempty has its zero value as default, and doc
// says to others what a field is.
type TerritoryCreated struct {
	TerritoryID int32     `json:"territory_id" validate:"gt=0" doc:"identifier of the territory"`
	Name        string    `json:"name,omitempty"`
	Parent      *int32    `json:"parent"`
	Area        float64   `json:"area" avro:",default=1"`
	At          time.Time `json:"at"`
}

func (TerritoryCreated) Topic() string       { return "urban.events" }
func (e TerritoryCreated) Key() string       { return strconv.Itoa(int(e.TerritoryID)) }
func (TerritoryCreated) MessageType() string { return "TerritoryCreated" }

// Schema may be left out.
func (TerritoryCreated) Schema() message.Schema {
	return message.Schema{Namespace: "territories", Version: "1", Compatibility: "BACKWARD"}
}

// A handler gets what an event's Avro says, and whoever publishes needs to know
// no more than the event.
func Example() {
	fake := srfake.New() // in production it is where SCHEMA_REGISTRY_URL says
	defer fake.Close()
	cfg := config.Registry{URLs: []string{fake.URL()}, SchemaFormat: "avro", AutoRegister: true, LookupTimeout: time.Second}
	codec, err := schema.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}

	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	registry.SetCodec(codec)
	message.Register(registry, "urban.events", message.TypedHandlerFunc[TerritoryCreated](
		func(_ context.Context, m message.Of[TerritoryCreated]) error {
			fmt.Println(m.Header.SchemaName, m.Body.TerritoryID, m.Body.Name)
			return nil
		}))

	ctx := context.Background()
	if err := registry.Startup(ctx); err != nil { // registers the schemas
		fmt.Println(err)
		return
	}
	m, err := registry.Encode(ctx, TerritoryCreated{TerritoryID: 7, Name: "Old Town"}, "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("% x\n", m.Value[:5]) // a zero, and the id of the schema
	if err := registry.Handle(ctx, m); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 00 00 00 00 01
	// territories.TerritoryCreated 7 Old Town
}

// The schemas of all models can be had as text.
func ExampleCodec() {
	codec, err := schema.New(config.Registry{URLs: []string{"http://localhost:8081"}, SchemaFormat: "json"}, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	registry.SetCodec(codec)
	registry.Publishes(refunded{})
	for _, s := range codec.Schemas() {
		fmt.Println(s.Subject, s.Name, s.Level)
		fmt.Println(s.Text)
	}
	// Output:
	// refunds-value PaymentRefunded BACKWARD
	// {"$schema":"http://json-schema.org/draft-07/schema#","title":"PaymentRefunded","type":"object","properties":{"id":{"type":"string","minLength":1}},"required":["id"],"additionalProperties":false}
}

type refunded struct {
	ID string `json:"id" validate:"required"`
}

func (refunded) Topic() string       { return "refunds" }
func (r refunded) Key() string       { return r.ID }
func (refunded) MessageType() string { return "PaymentRefunded" }

// The command compares the schemas with those of a registry.
func ExampleCommand() {
	fake := srfake.New()
	defer fake.Close()
	cfg := config.Registry{URLs: []string{fake.URL()}, LookupTimeout: time.Second}
	codec, err := schema.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	registry.SetCodec(codec)
	registry.Publishes(refunded{})
	for _, what := range []string{"check", "register", "check"} {
		schema.Command(context.Background(), codec, []string{what}, os.Stdout, os.Stderr)
	}
	// Output:
	// refunds-value  PaymentRefunded  is compatible, and not registered yet
	// refunds-value  PaymentRefunded  is registered with the id 1
	// refunds-value  PaymentRefunded  is registered with the id 1
}
