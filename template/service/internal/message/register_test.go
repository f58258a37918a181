package message_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type received struct {
	ID string `json:"id"`
}

func (received) MessageType() string { return "PaymentReceived" }

type returned struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func (*returned) MessageType() string { return "PaymentReturned" }

func TestMessageTypeRoutes(t *testing.T) {
	r := newRegistry()
	in, out := new(recorder[received]), new(recorder[returned])
	message.Register(r, "payments", in)
	message.Register(r, "payments", out)
	for _, messageType := range []string{"PaymentReceived", "PaymentReturned", "PaymentReceived"} {
		if err := r.Handle(t.Context(), newMessage(inEnvelope(messageType, validBody))); err != nil {
			t.Fatal(err)
		}
	}
	if len(in.got) != 2 || len(out.got) != 1 {
		t.Errorf("received %d, returned %d", len(in.got), len(out.got))
	}
	m := newMessage(inEnvelope("PaymentLost", `{"body":"is not even looked at"}`))
	wantError(t, r.Handle(t.Context(), m), message.ClassUnhandled,
		`header.messageType: no handler for "PaymentLost" on topic "payments", only for PaymentReceived, PaymentReturned`)
	if m.Header.MessageType != "PaymentLost" {
		t.Errorf("header %+v", m.Header)
	}
}

func TestModelWithoutMessageTypeTakesAll(t *testing.T) {
	for _, messageType := range []string{"This", "That"} {
		if h, _, err := handle[payment](t, inEnvelope(messageType, validBody)); err != nil || len(h.got) != 1 {
			t.Errorf("%s: %v", messageType, err)
		}
	}
}

func TestUnhandled(t *testing.T) {
	r := newRegistry()
	message.Register(r, "payments", new(recorder[payment]))
	wantError(t, r.Handle(t.Context(), &message.Message{Topic: "refunds", Value: []byte("{}")}),
		message.ClassUnhandled, `no handler for topic "refunds"`)
	wantError(t, r.Handle(t.Context(), &message.Message{Topic: "payments"}),
		message.ClassUnhandled, `topic "payments": no handler for tombstones`)
}

// forgetful handles tombstones too.
type forgetful struct {
	recorder[received]
	tombstones []*message.Message
}

func (f *forgetful) HandleTombstone(_ context.Context, m *message.Message) error {
	f.tombstones = append(f.tombstones, m)
	return f.err
}

func TestTombstone(t *testing.T) {
	r, h := newRegistry(), new(forgetful)
	message.Register(r, "payments", h)
	m := &message.Message{Topic: "payments", Key: []byte("k")}
	if err := r.Handle(t.Context(), m); err != nil || len(h.tombstones) != 1 || string(h.tombstones[0].Key) != "k" {
		t.Errorf("%v %v", h.tombstones, err)
	}
	m.Value = []byte{}
	wantError(t, r.Handle(t.Context(), m), message.ClassDecode, "not JSON: it ends too early at byte 0")
}

func TestTopicsAreSorted(t *testing.T) {
	r := newRegistry()
	for _, topic := range []string{"refunds", "payments", "invoices"} {
		message.Register(r, topic, new(recorder[payment]))
	}
	if got := fmt.Sprint(r.Topics()); got != "[invoices payments refunds]" {
		t.Error(got)
	}
}

type even int

func (e even) IsEven() bool { return e%2 == 0 }

type (
	badRule struct {
		A float64 `validate:"gtt=0"`
	}
	badParameter struct {
		A float64 `validate:"omitempty,lt=9,gt=many"`
	}
	badMethod struct {
		A even `validate:"validateFn=IsEven"`
	}
	badType struct {
		A struct{ B int } `validate:"gt=0"`
	}
	badDive struct {
		A int `validate:"dive,gt=0"`
	}
	badElement struct {
		A []string `validate:"dive,max=many"`
	}
	badLater struct {
		ID       string `validate:"required"`
		Quantity int    `validate:"minn=0"`
	}
	badLaterInside struct {
		ID    string `validate:"required"`
		Lines []badLater
	}
	badInside     struct{ A map[string][]*badParameter }
	badArray      struct{ A [2]badParameter }
	badJSON       struct{ number }
	number        int // not a struct with fields to take, and not exported either
	badJSONInside struct{ A []badJSON }
	recursive     struct {
		Next []recursive `validate:"dive"`
		Due  string      `validate:"omitempty,required_with=Next,nefield=Name"`
		Name string
	}
)

func mistake[T any](topic string, h message.TypedHandler[T], opts ...message.Option) func(*message.Registry) error {
	return func(r *message.Registry) error {
		return panicOf(func() { message.Register(r, topic, h, opts...) })
	}
}

func TestRegisterRefusesMistakes(t *testing.T) {
	_ = badJSON{}.number // used by reflection only
	for name, tt := range map[string]struct {
		register func(*message.Registry) error
		text     string
	}{
		"second handler":      {mistake("all", new(recorder[payment])), `message_test.payment on topic "all": the topic has a handler for all its messages, or for all others, already`},
		"typed beside all":    {mistake("all", new(recorder[received])), `the topic has a handler for all its messages`},
		"all beside typed":    {mistake("typed", new(recorder[payment])), `the model has no MessageType, but the topic has handlers by type`},
		"same type":           {mistake("typed", new(recorder[received])), `the topic has a handler for the message type "PaymentReceived" already`},
		"second tombstones":   {mistake("typed", new(forgetfulReturned)), `HandleTombstone already`},
		"late codec":          {mistake("typed", new(recorder[returned]), message.WithCodec(envelope.JSON{})), `the topic has its codec already`},
		"nil":                 {mistake[payment]("new", nil), `the handler is nil`},
		"nil pointer":         {mistake("new", (*recorder[payment])(nil)), `the handler is nil`},
		"nil function":        {mistake("new", message.TypedHandlerFunc[payment](nil)), `the handler is nil`},
		"no name":             {mistake("", new(recorder[payment])), `1 to 249 letters`},
		"long name":           {mistake(strings.Repeat("t", 250), new(recorder[payment])), `1 to 249 letters`},
		"dots":                {mistake("..", new(recorder[payment])), `is not . or ..`},
		"illegal name":        {mistake("a b", new(recorder[payment])), `1 to 249 letters`},
		"dead letters":        {mistake("payments.dlq", new(recorder[payment])), `dead letters are not consumed`},
		"pointer":             {mistake("new", new(recorder[*payment])), `use the model message_test.payment itself, not a pointer to it`},
		"unknown rule":        {mistake("new", new(recorder[badRule])), `Undefined validation function 'gtt'`},
		"later rule":          {mistake("new", new(recorder[badLater])), `message_test.badLater: wrong validate tag: Undefined validation function 'minn' on field 'Quantity'`},
		"later rule inside":   {mistake("new", new(recorder[badLaterInside])), `message_test.badLater: wrong validate tag: Undefined validation function 'minn' on field 'Quantity'`},
		"wrong parameter":     {mistake("new", new(recorder[badParameter])), `badParameter.A: wrong validate tag: strconv.ParseFloat`},
		"rule of other type":  {mistake("new", new(recorder[badType])), `Bad field type`},
		"dive into number":    {mistake("new", new(recorder[badDive])), `dive`},
		"method's name":       {mistake("new", new(recorder[badMethod])), `badMethod.A: wrong validate tag: validateFn calls a method Validate() error, and no other`},
		"parameter inside":    {mistake("new", new(recorder[badElement])), `badElement.A: wrong validate tag`},
		"rule inside":         {mistake("new", new(recorder[badInside])), `badParameter.A: wrong validate tag`},
		"rule in an array":    {mistake("new", new(recorder[badArray])), `badParameter.A: wrong validate tag`},
		"wrong json tag":      {mistake("new", new(recorder[badJSON])), `badJSON cannot be read from JSON`},
		"json tag inside":     {mistake("new", new(recorder[badJSONInside])), `badJSON cannot be read from JSON`},
		"no mistake, control": {mistake("new", new(recorder[recursive])), ``},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRegistry()
			message.Register(r, "all", new(recorder[payment]))
			message.Register(r, "typed", new(forgetful))
			err := tt.register(r)
			if tt.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantContains(t, err, "message: register ", "on topic ", tt.text)
			if got := fmt.Sprint(r.Topics()); got != "[all typed]" {
				t.Errorf("topics after the mistake: %s", got)
			}
		})
	}
}

type forgetfulReturned struct{ recorder[returned] }

func (*forgetfulReturned) HandleTombstone(context.Context, *message.Message) error { return nil }

func TestRegisterPanicsOnAMistake(t *testing.T) {
	defer func() {
		err, _ := recover().(error)
		wantContains(t, err, `message: register message_test.payment on topic "payments.dlq"`)
	}()
	message.Register(newRegistry(), "payments.dlq", new(recorder[payment]))
}

// upside is a codec that knows one type, and fails as it is told.
type upside struct{ openErr, decodeErr error }

func (c upside) Open(_ context.Context, m *message.Message) (message.Header, []byte, error) {
	return message.NewHeader("P", "test"), m.Value, c.openErr
}

func (c upside) Decode(_ context.Context, _ *message.Message, body []byte, out any) error {
	if c.decodeErr != nil {
		return c.decodeErr
	}
	*out.(*payment) = payment{ID: string(body), Amount: 1}
	return nil
}

func (upside) Encode(_ context.Context, m *message.Message, _ message.Header, body any) error {
	m.Value = []byte(body.(plain).Text)
	return nil
}

func TestWithCodec(t *testing.T) {
	decode := func(c message.Codec, value string) (*recorder[payment], error) {
		r, h := newRegistry(), new(recorder[payment])
		message.Register(r, "payments", h, message.WithCodec(c))
		return h, r.Handle(t.Context(), newMessage(value))
	}
	if h, err := decode(upside{}, "p-7"); err != nil || h.got[0].Body.ID != "p-7" {
		t.Errorf("%v %v", h.got, err)
	}
	_, err := decode(upside{}, "")
	wantError(t, err, message.ClassInvalid, "body.id: is required")
	_, err = decode(upside{openErr: errors.New("unknown magic byte")}, "p-7")
	wantError(t, err, message.ClassDecode, "unknown magic byte")
	_, err = decode(upside{decodeErr: errors.New("no such field")}, "p-7")
	wantError(t, err, message.ClassDecode, "no such field")
	_, err = decode(upside{openErr: message.Retry(errors.New("registry is away"))}, "p-7")
	if !isRetry(err) {
		t.Errorf("%v is not to be tried again", err)
	}
}
