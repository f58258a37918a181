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
	m, err := newRegistry().Encode(t.Context(), e, "tests")
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
		h.MessageID == "" || h.CorrelationID != h.MessageID {
		t.Errorf("header %+v", h)
	}

	m, err = newRegistry().Encode(t.Context(), plain{"x"}, "tests")
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
	h, _, err := envelope.JSON{}.Open(t.Context(), m)
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
		header message.Header
		want   string
	}{
		{"correlated", message.Header{CorrelationID: "c", MessageID: "m"}, "c"},
		{"the first of its kind", message.Header{MessageID: "m"}, "m"},
		{"a tombstone", message.Header{}, "own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cause := &message.Message{Header: tt.header, Headers: trace}
			m, err := newRegistry().Encode(message.NewContext(t.Context(), cause), plain{"x"}, "tests")
			if err != nil {
				t.Fatal(err)
			}
			h := decodeHeader(t, m)
			if tt.want == "own" {
				tt.want = h.MessageID
			}
			if h.CorrelationID != tt.want {
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
	m, err := newRegistry().Encode(message.NewContext(t.Context(), &message.Message{Headers: trace[:1]}), e, "tests")
	if err != nil || len(m.Headers) != 1 || string(m.Headers[0].Value) != "own" {
		t.Errorf("an event's own trace header becomes %v, %v", m.Headers, err)
	}
}

func TestMessagesFollowTheirCauseInAHandler(t *testing.T) {
	r := newRegistry()
	var got *message.Message
	message.Register(r, "notes", message.TypedHandlerFunc[plain](func(ctx context.Context, _ message.Of[plain]) (err error) {
		got, err = newRegistry().Encode(ctx, refunded{topic: "refunds"}, "tests")
		return err
	}))
	m, err := newRegistry().Encode(t.Context(), plain{"x"}, "tests")
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
	ctx := message.WithMessageID(message.NewContext(t.Context(), &message.Message{Header: message.Header{MessageID: "cause"}}), "refund-of-cause")
	for range 2 {
		m, err := newRegistry().Encode(ctx, plain{"x"}, "tests")
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
		if _, err := newRegistry().Encode(t.Context(), e, "tests"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAPublishErrorNamesTheEventAndNotItsBody(t *testing.T) {
	cause := message.Retry(errors.New("broker away"))
	err := error(&message.PublishError{Event: refunded{ID: "p-1", Amount: 4711}, Delivery: message.Delivery{Topic: "refunds", Key: "p-1", MessageID: "m-1"}, Err: cause})
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

// limited is an event with rules.
type limited struct {
	plain
	Amount int `json:"amount" validate:"gt=0"`
}

// self is an event that checks itself.
type self struct{ plain }

func (*self) Validate() error { return message.Invalid("text", "is never right") }

func TestAnEventMustKeepTheRulesOfItsModel(t *testing.T) {
	r := newRegistry()
	r.Publishes(limited{})
	for _, e := range []message.Event{limited{}, &limited{}} {
		m, err := r.Encode(t.Context(), e, "tests")
		wantError(t, err, message.ClassHandler, "body.amount: must be greater than 0")
		if m == nil || m.Topic != "notes" || m.Header.MessageID == "" || m.Value != nil {
			t.Errorf("what is known of the message: %+v", m)
		}
	}
	_, err := r.Encode(t.Context(), self{}, "tests")
	wantError(t, err, message.ClassHandler, "body.text: is never right")
	if m, err := r.Encode(t.Context(), &limited{Amount: 1}, "tests"); err != nil || !strings.HasSuffix(string(m.Value), `"body":{"text":"","amount":1}}`) {
		t.Errorf("%v %v", m, err)
	}
	_, err = r.Encode(t.Context(), plain{}, "")
	wantError(t, err, message.ClassHandler, "header.producer: is required")
}

func TestAnEventIsWrittenByTheCodecOfItsTopicHoweverThatWasSet(t *testing.T) {
	r := newRegistry()
	sibling := r.NewSibling()
	message.Register(sibling, "notes", new(recorder[payment]), message.WithCodec(upside{}))
	if m, err := r.Encode(t.Context(), plain{"p-7"}, "tests"); err != nil || string(m.Value) != "p-7" {
		t.Errorf("a sibling's codec of the topic is not used: %s, %v", m.Value, err)
	}
	r = newRegistry()
	r.SetCodec(upside{})
	if m, err := r.Encode(t.Context(), plain{"p-7"}, "tests"); err != nil || string(m.Value) != "p-7" {
		t.Errorf("the registry's codec is not used: %s, %v", m.Value, err)
	}
	r = newRegistry()
	r.Publishes(plain{})
	panicsWith(t, "has its codec already", func() { message.Register(r, "notes", new(recorder[payment]), message.WithCodec(upside{})) })
}

func TestTheCorrelationIDOfTheContextGoesOverTheCauses(t *testing.T) {
	cause := &message.Message{Header: message.Header{CorrelationID: "c", MessageID: "m"}}
	m, err := newRegistry().Encode(message.WithCorrelationID(message.NewContext(t.Context(), cause), "mine"), plain{}, "tests")
	if err != nil || m.Header.CorrelationID != "mine" {
		t.Errorf("%+v, %v", m.Header, err)
	}
}

func TestPublishesChecksTheModelAtTheStart(t *testing.T) {
	panicsWith(t, "publish a message_test.wrongTag: message_test.wrongTag", func() { newRegistry().Publishes(wrongTag{}) })
}

type wrongTag struct {
	plain
	Amount int `validate:"gtt=0"`
}
