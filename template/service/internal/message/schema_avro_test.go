package message_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type plainModel struct{}

type typedModel struct{}

func (typedModel) MessageType() string { return "InvoicePaid" }
func (typedModel) Topic() string       { return "invoices" }
func (typedModel) Key() string         { return "" }

type toldModel struct{ typedModel }

func (toldModel) Schema() message.Schema {
	return message.Schema{Namespace: "shop", Version: "2", Compatibility: "FULL"}
}

func TestSchemaOf(t *testing.T) {
	for model, want := range map[any]message.Schema{
		plainModel{}: {Name: "plainModel", Version: "1"},
		typedModel{}: {Name: "InvoicePaid", Version: "1"},
		toldModel{}:  {Namespace: "shop", Name: "InvoicePaid", Version: "2", Compatibility: "FULL"},
	} {
		if got := message.SchemaOf(reflect.TypeOf(model)); got != want {
			t.Errorf("%T: %+v", model, got)
		}
	}
	if got := message.SchemaOf(reflect.TypeFor[toldModel]()).FullName(); got != "shop.InvoicePaid" {
		t.Error(got)
	}
}

func TestDescribePutsTheSchemaIntoTheHeaderUnlessTheEventNamesOne(t *testing.T) {
	for _, tt := range []struct {
		body          any
		name, version string
		want          string
	}{
		{toldModel{}, "InvoicePaid", "1", "shop.InvoicePaid 2"},
		{toldModel{}, "own.name", "7", "own.name 7"},
		{typedModel{}, "InvoicePaid", "1", "InvoicePaid 1"},
	} {
		h := message.Header{MessageType: "InvoicePaid", SchemaName: tt.name, SchemaVersion: tt.version}
		message.Describe(&h, tt.body)
		if got := h.SchemaName + " " + h.SchemaVersion; got != tt.want {
			t.Errorf("%T: %s, want %s", tt.body, got, tt.want)
		}
	}
}

// bound is a codec that notes what it is told of.
type bound struct {
	envelope.JSON
	models map[string]reflect.Type
	err    error
}

func (b *bound) Bind(topic string, model reflect.Type) error {
	b.models[topic] = model
	return b.err
}

func TestPublishesTellsTheCodec(t *testing.T) {
	r := newRegistry()
	c := &bound{models: make(map[string]reflect.Type)}
	r.SetCodec(c)
	r.Publishes(&typedModel{})
	if c.models["invoices"] != reflect.TypeFor[typedModel]() {
		t.Errorf("it was told of %v", c.models)
	}
	c.err = errors.New("no schema")
	defer func() {
		if v := recover(); v == nil || !strings.Contains(v.(error).Error(), `publish a *message_test.typedModel: no schema`) {
			t.Errorf("it panicked with %v", v)
		}
	}()
	r.Publishes(&typedModel{})
}

func TestHeaderTravelsInTransportHeaders(t *testing.T) {
	h := message.NewHeader("InvoicePaid", "billing")
	h.CorrelationID = "c-1"
	m := &message.Message{Headers: []message.Field{{Key: "traceparent", Value: []byte("x")}, {Key: "messageType", Value: []byte("theirs")}}}
	if err := message.WriteHeader(m, h); err != nil {
		t.Fatal(err)
	}
	var got message.Header
	if err := message.ReadHeader(m, &got); err != nil || got != h {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, h)
	}
}

func TestHeaderFieldsThatAreWrongAreNamed(t *testing.T) {
	for want, f := range map[string]message.Field{
		"header.timestamp: must be an RFC 3339 time, got \"today\"": {Key: "timestamp", Value: []byte("today")},
		"header.timestamp: must be an RFC 3339 time, got \"\"":      {Key: "timestamp"},
		"header.producer: must be text in UTF-8":                    {Key: "producer", Value: []byte{0xff}},
		"header.messageId: must be text in UTF-8":                   {Key: "messageId", Value: []byte{0xff}},
	} {
		h := message.Header{MessageID: "kept"}
		err := message.ReadHeader(&message.Message{Headers: []message.Field{f}}, &h)
		if err == nil || err.Error() != want || message.ClassOf(err) != message.ClassInvalid {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
