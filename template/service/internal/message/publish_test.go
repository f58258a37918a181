package message_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// refunded is an event with everything that one can have.
type refunded struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`

	topic   string
	headers []message.Field
}

func (r refunded) Topic() string            { return r.topic }
func (r refunded) Key() string              { return r.ID }
func (refunded) MessageType() string        { return "PaymentRefunded" }
func (refunded) SchemaName() string         { return "payments.refund" }
func (refunded) SchemaVersion() string      { return "3" }
func (r refunded) Headers() []message.Field { return r.headers }

// plain is an event with the least.
type plain struct {
	Text string `json:"text"`
}

func (plain) Topic() string       { return "notes" }
func (plain) Key() string         { return "" }
func (plain) MessageType() string { return "Noted" }

func TestAnEventSaysTopicKeyAndSchema(t *testing.T) {
	e := refunded{ID: "p-1", Amount: 5, topic: "refunds", headers: []message.Field{{Key: "tenant", Value: []byte("t")}}}
	m, err := message.NewMessage(t.Context(), envelope.JSON{}, e, "tests")
	if err != nil {
		t.Fatal(err)
	}
	if m.Topic != "refunds" || string(m.Key) != "p-1" || !m.Time.Equal(m.Header.Timestamp) {
		t.Errorf("it goes to %s under %q at %v", m.Topic, m.Key, m.Time)
	}
	if v, ok := m.Get("tenant"); !ok || string(v) != "t" {
		t.Errorf("its own header is %q", v)
	}
	h := decodeHeader(t, m)
	if h.MessageType != "PaymentRefunded" || h.SchemaName != "payments.refund" || h.SchemaVersion != "3" || h.Producer != "tests" ||
		h.MessageID == "" || h.CorrelationID != "" {
		t.Errorf("header %+v", h)
	}

	m, err = message.NewMessage(t.Context(), envelope.JSON{}, plain{"x"}, "tests")
	if err != nil {
		t.Fatal(err)
	}
	if h = decodeHeader(t, m); m.Key != nil || h.SchemaName != "Noted" || h.SchemaVersion != "1" {
		t.Errorf("key %#v, header %+v", m.Key, h)
	}
}

// decodeHeader reads m as a consumer does.
func decodeHeader(t *testing.T, m *message.Message) message.Header {
	t.Helper()
	var h message.Header
	err := envelope.JSON{}.Decode(t.Context(), m, &h, func(*message.Header) (any, error) { return new(map[string]any), nil })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhatAHandlerPublishesFollowsItsMessage(t *testing.T) {
	trace := []message.Field{
		{Key: "traceparent", Value: []byte("00-a-b-01")}, {Key: "tracestate", Value: []byte("s")},
		{Key: "baggage", Value: []byte("b")}, {Key: "secret", Value: []byte("not ours to pass on")},
	}
	for _, tt := range []struct {
		name   string
		header *message.Header
		want   string
	}{
		{"correlated", &message.Header{CorrelationID: "c", MessageID: "m"}, "c"},
		{"the first of its kind", &message.Header{MessageID: "m"}, "m"},
		{"a tombstone", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cause := &message.Message{Header: tt.header, Headers: trace}
			m, err := message.NewMessage(message.NewContext(t.Context(), cause), envelope.JSON{}, plain{"x"}, "tests")
			if err != nil {
				t.Fatal(err)
			}
			if h := decodeHeader(t, m); h.CorrelationID != tt.want {
				t.Errorf("correlation id %q, want %q", h.CorrelationID, tt.want)
			}
			var got []string
			for _, f := range m.Headers {
				got = append(got, f.Key+"="+string(f.Value))
			}
			if want := "traceparent=00-a-b-01 tracestate=s baggage=b"; strings.Join(got, " ") != want {
				t.Errorf("headers %q, want %q", got, want)
			}
		})
	}
	e := refunded{topic: "refunds", headers: []message.Field{{Key: "traceparent", Value: []byte("own")}}}
	m, err := message.NewMessage(message.NewContext(t.Context(), &message.Message{Headers: trace[:1]}), envelope.JSON{}, e, "tests")
	if err != nil || len(m.Headers) != 1 || string(m.Headers[0].Value) != "own" {
		t.Errorf("an event's own trace header becomes %v, %v", m.Headers, err)
	}
}

func TestMessagesFollowTheirCauseInAHandler(t *testing.T) {
	r := newRegistry()
	var got *message.Message
	message.Register(r, "notes", message.TypedHandlerFunc[plain](func(ctx context.Context, _ message.Of[plain]) (err error) {
		got, err = message.NewMessage(ctx, envelope.JSON{}, refunded{topic: "refunds"}, "tests")
		return err
	}))
	m, err := message.NewMessage(t.Context(), envelope.JSON{}, plain{"x"}, "tests")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got.Header.CorrelationID != m.Header.MessageID {
		t.Errorf("correlation id %q, want the message's id %q", got.Header.CorrelationID, m.Header.MessageID)
	}
}

func TestAnEventPublishedAgainCanHaveTheSameID(t *testing.T) {
	ctx := message.WithMessageID(message.NewContext(t.Context(), &message.Message{Header: &message.Header{MessageID: "cause"}}), "refund-of-cause")
	for range 2 {
		m, err := message.NewMessage(ctx, envelope.JSON{}, plain{"x"}, "tests")
		if err != nil {
			t.Fatal(err)
		}
		if h := decodeHeader(t, m); h.MessageID != "refund-of-cause" || h.CorrelationID != "cause" {
			t.Errorf("message id %q and correlation id %q", h.MessageID, h.CorrelationID)
		}
	}
}

func TestEventsThatCannotGoAnywhere(t *testing.T) {
	for name, e := range map[string]message.Event{
		"nil": nil, "no topic": refunded{}, "a dead letter topic": refunded{topic: "refunds.dlq"}, "an impossible topic": refunded{topic: "a b"},
	} {
		if _, err := message.NewMessage(t.Context(), envelope.JSON{}, e, "tests"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAPublishErrorNamesTheEventAndNotItsBody(t *testing.T) {
	cause := message.Retry(errors.New("broker away"))
	err := error(&message.PublishError{Event: refunded{ID: "p-1", Amount: 4711}, Topic: "refunds", Key: "p-1", MessageID: "m-1", Err: cause})
	if got, want := err.Error(), `publish PaymentRefunded m-1 to refunds, key "p-1": broker away`; got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if !isRetry(err) {
		t.Error("it does not ask for the retry that its cause asks for")
	}
	e, ok := errors.AsType[*message.PublishError](err)
	if !ok || e.Event.(refunded).Amount != 4711 {
		t.Errorf("the event in it is %+v", e)
	}
}
