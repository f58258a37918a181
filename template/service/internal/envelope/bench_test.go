package envelope_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// flatValue and nestedValue are envelopes of 545 bytes, to be filled with a
// number: no two messages have the same ids.
const (
	benchmarkHeader = `{"header":{"messageType":"PaymentReceived","schemaName":"payment","schemaVersion":"1.0.0",` +
		`"correlationId":"6f1d8f5e-8c7b-4f0e-9d0a-3a5f%08[1]d","messageId":"0192f0c1-7a4b-7c3d-8e9f-0a1b%08[1]d",` +
		`"timestamp":"2026-03-01T12:00:00.123456Z","producer":"billing-frontend"},`
	flatValue = benchmarkHeader +
		`"body":{"id":"pay-%08[1]d","customer":"customer-%08[1]d","currency":"EUR","amount":129.95,` +
		`"method":"card","country":"DE","reference":"RF18 5390 0754 7034 %08[1]d","installments":3,` +
		`"note":"please ring twice, the bell is shy and quiet today, and the big dog is not, beware"}}`
	nestedValue = benchmarkHeader +
		`"body":{"id":"pay-%08[1]d","customer":"customer-%08[1]d","currency":"EUR","amount":129.95,` +
		`"items":[{"sku":"SKU-0001","quantity":2,"price":49.95},{"sku":"SKU-0002","quantity":1,"price":30.05}],` +
		`"note":"please ring twice, the bell is shy and quiet.","tags":["web","priority"]}}`
)

// flatPayment is checked by its validate tags.
type flatPayment struct {
	ID           string  `json:"id" validate:"required"`
	Customer     string  `json:"customer" validate:"required"`
	Currency     string  `json:"currency" validate:"len=3"`
	Amount       float64 `json:"amount" validate:"gt=0"`
	Method       string  `json:"method" validate:"oneof=card transfer"`
	Country      string  `json:"country" validate:"len=2"`
	Reference    string  `json:"reference" validate:"max=40"`
	Installments int     `json:"installments" validate:"gte=1"`
	Note         string  `json:"note" validate:"max=200"`
}

// checkedPayment is the same, checked by its own method.
type checkedPayment flatPayment

func (p *checkedPayment) Validate() error {
	if p.ID == "" || p.Customer == "" || len(p.Currency) != 3 || p.Amount <= 0 || len(p.Note) > 200 {
		return errors.New("incomplete")
	}
	return nil
}

// partOfPayment lacks most of its fields.
type partOfPayment struct {
	ID     string  `json:"id"`
	Amount float64 `json:"amount"`
	Note   string  `json:"note"`
}

func (p *partOfPayment) Validate() error { return nil }

// nestedPayment has slices too.
type nestedPayment struct {
	ID       string       `json:"id"`
	Customer string       `json:"customer"`
	Currency string       `json:"currency"`
	Amount   float64      `json:"amount"`
	Items    []nestedItem `json:"items"`
	Note     string       `json:"note"`
	Tags     []string     `json:"tags"`
}

type nestedItem struct {
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

func (p *nestedPayment) Validate() error { return nil }

// benchmarkValues returns values enough that no cache knows them all.
func benchmarkValues(b *testing.B, format string) [][]byte {
	b.Helper()
	values := make([][]byte, 4096)
	for i := range values {
		if values[i] = fmt.Appendf(nil, format, i); len(values[i]) != 545 {
			b.Fatalf("the envelope has %d bytes, not 545", len(values[i]))
		}
	}
	b.SetBytes(545)
	b.ReportAllocs()
	return values
}

func benchmarkHandle[T any](b *testing.B, h message.TypedHandler[T], format string) {
	r := newRegistry()
	message.Register(r, "payments", h)
	values := benchmarkValues(b, format)
	m := &message.Message{Topic: "payments"}
	ctx := b.Context()
	for i := 0; b.Loop(); i++ {
		m.Value = values[i%len(values)]
		if err := r.Handle(ctx, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandle is what a message costs between the broker's client and its
// handler: decoding, header check, validation, routing.
func BenchmarkHandle(b *testing.B) {
	b.Run("flat/Validate", func(b *testing.B) { benchmarkHandle(b, ignore[checkedPayment]{}, flatValue) })
	b.Run("flat/tags", func(b *testing.B) { benchmarkHandle(b, ignore[flatPayment]{}, flatValue) })
	b.Run("flat/part", func(b *testing.B) { benchmarkHandle(b, ignore[partOfPayment]{}, flatValue) })
	b.Run("nested/Validate", func(b *testing.B) { benchmarkHandle(b, ignore[nestedPayment]{}, nestedValue) })
}

// benchmarkEnvelope is what somebody would write by hand.
type benchmarkEnvelope[T any] struct {
	Header struct {
		MessageType   string    `json:"messageType"`
		SchemaName    string    `json:"schemaName"`
		SchemaVersion string    `json:"schemaVersion"`
		CorrelationID string    `json:"correlationId"`
		MessageID     string    `json:"messageId"`
		Timestamp     time.Time `json:"timestamp"`
		Producer      string    `json:"producer"`
	} `json:"header"`
	Body T `json:"body"`
}

func benchmarkUnmarshal[T any](b *testing.B, format string, unmarshal func([]byte, any) error) {
	values := benchmarkValues(b, format)
	for i := 0; b.Loop(); i++ {
		var e benchmarkEnvelope[T]
		if err := unmarshal(values[i%len(values)], &e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBaseline is decoding by hand, without any check: with encoding/json
// and in one pass with the library that this package uses.
func BenchmarkBaseline(b *testing.B) {
	jsonv2 := func(value []byte, out any) error { return jsonv2.Unmarshal(value, out) }
	b.Run("flat/encoding-json", func(b *testing.B) { benchmarkUnmarshal[flatPayment](b, flatValue, json.Unmarshal) })
	b.Run("flat/go-json-experiment", func(b *testing.B) { benchmarkUnmarshal[flatPayment](b, flatValue, jsonv2) })
	b.Run("nested/encoding-json", func(b *testing.B) { benchmarkUnmarshal[nestedPayment](b, nestedValue, json.Unmarshal) })
	b.Run("nested/go-json-experiment", func(b *testing.B) { benchmarkUnmarshal[nestedPayment](b, nestedValue, jsonv2) })
}

func BenchmarkEncode(b *testing.B) {
	h, body := message.NewHeader("PaymentReceived", "test"), payment{ID: "p-1", Amount: 9.5}
	m, ctx := &message.Message{Topic: "payments"}, b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := (envelope.JSON{}).Encode(ctx, m, h, &body); err != nil {
			b.Fatal(err)
		}
	}
}
