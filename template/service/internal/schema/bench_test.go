package schema_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// shipment has ten fields of the types that events mostly have.
type shipment struct {
	ID       string    `json:"id" validate:"required"`
	Customer string    `json:"customer" validate:"required"`
	Carrier  string    `json:"carrier"`
	Weight   float64   `json:"weight" validate:"gt=0"`
	Pieces   int32     `json:"pieces" validate:"min=1"`
	Value    int64     `json:"value"`
	Insured  bool      `json:"insured"`
	At       time.Time `json:"at"`
	City     string    `json:"city"`
	Note     string    `json:"note,omitempty"`
}

func (shipment) MessageType() string { return "ShipmentSent" }

func shipped() shipment {
	return shipment{
		"0192f0c1-0000-7000-8000-000000000001", "customer-17", "carrier", 12.5, 3, 99_95, true,
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "Lisbon", "leave at the door",
	}
}

// BenchmarkDecode is the way of a message of ten fields with its envelope from
// the bytes to its handler, validation included.
func BenchmarkDecode(b *testing.B) {
	for _, format := range []string{"avro", "json"} {
		for _, version := range []string{"same", "other"} {
			b.Run(format+"/"+version, func(b *testing.B) {
				r, m := benchRegistry(b, format, version == "other")
				ctx := context.Background()
				if err := r.Handle(ctx, m); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := r.Handle(ctx, m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// shipmentBefore is a version that shipments have to be resolved from.
type shipmentBefore struct {
	shipment
	Legacy string `json:"legacy"`
}

func (shipmentBefore) MessageType() string { return "ShipmentSent" }

func benchRegistry(tb testing.TB, format string, resolved bool) (*message.Registry, *message.Message) {
	tb.Helper()
	fake := srfake.New()
	tb.Cleanup(fake.Close)
	cfg := config.Registry{URLs: []string{fake.URL()}, SchemaFormat: format, AutoRegister: true, LookupTimeout: time.Second}
	writer, err := schema.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := schema.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	body := any(shipped())
	if resolved {
		body = shipmentBefore{shipment: shipped()}
	}
	h := message.NewHeader("ShipmentSent", "warehouse")
	h.CorrelationID = "0192f0c1-0000-7000-8000-0000000000a1"
	m := &message.Message{Topic: "shipments"}
	if err := writer.Encode(tb.Context(), m, h, body); err != nil {
		tb.Fatal(err)
	}
	r := message.NewRegistry(envelope.JSON{}, envelope.NewRules())
	r.SetCodec(c)
	message.Register(r, "shipments", message.TypedHandlerFunc[shipment](func(context.Context, message.Of[shipment]) error { return nil }))
	return r, m
}

// BenchmarkEncode is the way back.
func BenchmarkEncode(b *testing.B) {
	fake := srfake.New()
	b.Cleanup(fake.Close)
	c, err := schema.New(config.Registry{URLs: []string{fake.URL()}, AutoRegister: true, LookupTimeout: time.Second}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	h, body := message.NewHeader("ShipmentSent", "warehouse"), shipped()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Encode(ctx, &message.Message{Topic: "shipments"}, h, &body); err != nil {
			b.Fatal(err)
		}
	}
}
