package envelope_test

import (
	"context"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope/envelopetest"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// What the tests of several packages have in common.
var (
	newMessage = envelopetest.NewMessage
	wantError  = envelopetest.WantError
)

// newCodec returns the codec that is tested.
var newCodec = func(assumeUTC bool) message.Codec { return envelope.JSON{AssumeUTC: assumeUTC} }

func newRegistry() *message.Registry {
	return message.NewRegistry(newCodec(false), envelope.NewRules())
}

// payment is the model of most tests. It declares no message type.
type payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
	Note   string  `json:"note,omitempty"`
}

func inEnvelope(messageType, body string) string {
	return envelopetest.Envelope(messageType, "m-1", body)
}

func header(messageType string) string { return envelopetest.Header(messageType, "m-1") }

// encode returns the envelope of h and body.
func encode(ctx context.Context, h message.Header, body any) ([]byte, error) {
	m := message.Message{Topic: "payments"}
	err := newCodec(false).Encode(ctx, &m, h, body)
	return m.Value, err
}

// open reads an envelope and its body.
func open(ctx context.Context, value []byte, out any) (message.Header, error) {
	codec, m := newCodec(false), message.Message{Value: value}
	h, body, err := codec.Open(ctx, &m)
	if err == nil {
		err = codec.Decode(ctx, &m, body, out)
	}
	return h, err
}

const validBody = `{"id":"p-1","amount":9.5}`

// recorder is a handler that keeps what it gets.
type recorder[T any] struct {
	got []message.Of[T]
	err error
}

func (r *recorder[T]) Handle(_ context.Context, m message.Of[T]) error {
	r.got = append(r.got, m)
	return r.err
}

// ignore is a handler that does nothing.
type ignore[T any] struct{}

func (ignore[T]) Handle(context.Context, message.Of[T]) error { return nil }

// handle sends value through a registry with a recorder of T on "payments".
func handle[T any](t *testing.T, value string) (*recorder[T], *message.Message, error) {
	t.Helper()
	r, h := newRegistry(), new(recorder[T])
	message.Register(r, "payments", h)
	m := newMessage(value)
	return h, m, r.Handle(t.Context(), m)
}

func isPermanent(err error) bool { return message.OutcomeOf(err) == message.OutcomePermanent }
