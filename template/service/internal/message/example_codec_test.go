package message_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/message/messagetest"
)

// Gob is a codec for values of encoding/gob: the header with the body's bytes.
type Gob struct{}

type gobEnvelope struct {
	Header message.Header
	Body   []byte
}

func (Gob) Open(_ context.Context, m *message.Message) (message.Header, []byte, error) {
	var e gobEnvelope
	err := gob.NewDecoder(bytes.NewReader(m.Value)).Decode(&e)
	return e.Header, e.Body, err
}

func (Gob) Decode(_ context.Context, _ *message.Message, body []byte, out any) error {
	return gob.NewDecoder(bytes.NewReader(body)).Decode(out)
}

func (Gob) Encode(_ context.Context, m *message.Message, h message.Header, body any) error {
	var inner, outer bytes.Buffer
	if err := gob.NewEncoder(&inner).Encode(body); err != nil {
		return err
	}
	err := gob.NewEncoder(&outer).Encode(gobEnvelope{h, inner.Bytes()})
	m.Value = outer.Bytes()
	return err
}

// Reading is what sensors send.
type Reading struct {
	Sensor string
	Value  float64 `validate:"gte=-50,lte=150"`
}

func (Reading) Topic() string       { return "readings" }
func (Reading) Key() string         { return "" }
func (Reading) MessageType() string { return "Reading" }

// Another codec for one topic, to read it and to publish to it; the other
// topics keep theirs. Header and body are checked as ever.
func ExampleCodec() {
	r := messagetest.NewRegistry()
	message.Register(r, "payments", &Payments{})
	message.Register(r, "readings", message.TypedHandlerFunc[Reading](func(_ context.Context, m message.Of[Reading]) error {
		fmt.Println(m.Header.Producer, m.Body.Sensor, m.Body.Value)
		return nil
	}), message.WithCodec(Gob{}))

	ctx := context.Background()
	m, err := r.Encode(ctx, Reading{"roof", 21.5}, "greenhouse") // as a Publisher does
	fmt.Println(errors.Join(err, r.Handle(ctx, m)))
	_, err = r.Encode(ctx, Reading{"oven", 230}, "greenhouse")
	fmt.Println(err)
	m = &message.Message{Topic: "readings", Value: []byte(`{"header":{}}`)}
	fmt.Println(message.ClassOf(r.Handle(ctx, m)))
	// Output:
	// greenhouse roof 21.5
	// <nil>
	// body.Value: must be at most 150
	// decode
}
