package message_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Gob is a codec for values of encoding/gob: the header, and then the body.
type Gob struct{}

func (Gob) Decode(_ context.Context, m *message.Message, h *message.Header, body func(*message.Header) (any, error)) error {
	d := gob.NewDecoder(bytes.NewReader(m.Value))
	if err := d.Decode(h); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	out, err := body(h) // the registry checks the header and chooses the model
	if err != nil {
		return err
	}
	if err := d.Decode(out); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (Gob) Encode(_ context.Context, m *message.Message, h *message.Header, body any) error {
	var out bytes.Buffer
	e := gob.NewEncoder(&out)
	if err := errors.Join(e.Encode(h), e.Encode(body)); err != nil {
		return err
	}
	m.Value = out.Bytes()
	return nil
}

// Bind is optional. It tells at the start, and not with the first message, that
// a model cannot be read.
func (Gob) Bind(_ string, model reflect.Type) error {
	return gob.NewEncoder(io.Discard).EncodeValue(reflect.New(model))
}

// Reading is what sensors send.
type Reading struct {
	Sensor string
	Value  float64 `validate:"gte=-50,lte=150"`
}

func printReading(_ context.Context, m message.Of[Reading]) error {
	fmt.Println(m.Header.Producer, m.Body.Sensor, m.Body.Value)
	return nil
}

// Another serializer for one topic; the other topics keep theirs. Header and
// body are checked as ever.
func ExampleCodec() {
	r := message.NewRegistry()
	message.Register(r, "payments", &Payments{}) // JSON
	message.Register(r, "readings", message.TypedHandlerFunc[Reading](printReading), message.WithCodec(Gob{}))

	ctx := context.Background()
	for _, body := range []Reading{{"roof", 21.5}, {"oven", 230}} {
		m, h := &message.Message{Topic: "readings"}, message.NewHeader("Reading", "greenhouse")
		if err := (Gob{}).Encode(ctx, m, &h, body); err != nil {
			fmt.Println(err)
		}
		if err := r.Handle(ctx, m); err != nil {
			fmt.Println(message.ClassOf(err), err)
		}
	}
	m := &message.Message{Topic: "readings", Value: []byte(`{"header":{}}`)}
	fmt.Println(message.ClassOf(r.Handle(ctx, m)))
	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// greenhouse roof 21.5
	// invalid body.Value: must be at most 150
	// decode
	// PaymentReceived p-1 5
}

// One serializer for all topics, but for those that name their own.
func ExampleRegistry_SetCodec() {
	r := message.NewRegistry()
	r.SetCodec(Gob{})
	message.Register(r, "readings", message.TypedHandlerFunc[Reading](printReading))
	message.Register(r, "payments", &Payments{}, message.WithCodec(message.JSON{}))

	type channels struct{ C chan int } // gob cannot carry it
	err := message.RegisterSafely(r, "channels", message.TypedHandlerFunc[channels](
		func(context.Context, message.Of[channels]) error { return nil }))
	fmt.Println(err)

	send(r, "payments", "PaymentReceived", Payment{ID: "p-1", Amount: 5})
	// Output:
	// message: register message_test.channels on topic "channels": gob: type message_test.channels has no exported fields
	// PaymentReceived p-1 5
}

// What a message looks like that was written by JSON.
func ExampleJSON_Encode() {
	h := message.NewHeader("PaymentReceived", "billing") // with a new id, and the time now
	h.MessageID, h.Timestamp = "m-1", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := &message.Message{Topic: "payments", Key: []byte("p-1")}
	if err := (message.JSON{}).Encode(context.Background(), m, &h, Payment{ID: "p-1", Amount: 9.5}); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s\n", bytes.ReplaceAll(m.Value, []byte(`,"`), []byte(",\n\"")))
	// Output:
	// {"header":{"messageType":"PaymentReceived",
	// "schemaName":"PaymentReceived",
	// "schemaVersion":"1",
	// "messageId":"m-1",
	// "timestamp":"2026-03-01T12:00:00Z",
	// "producer":"billing"},
	// "body":{"id":"p-1",
	// "amount":9.5}}
}
