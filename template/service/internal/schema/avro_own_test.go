package schema_test

import (
	"encoding/binary"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// refundSchema has what a struct cannot say: an enum, a record with a name of
// its own, a fixed that is not called fixed_2, and null in the second place.
const refundSchema = `{"type": "record", "name": "RefundMade", "namespace": "shop.billing", "fields": [
	{"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
	{"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
	{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "DONE"]}, "default": "NEW"},
	{"name": "made_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
	{"name": "day", "type": {"type": "int", "logicalType": "date"}},
	{"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
	{"name": "note", "type": ["string", "null"]},
	{"name": "tags", "type": ["null", {"type": "array", "items": "string"}], "default": null},
	{"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}},
	{"name": "first", "type": ["null", "Line"], "default": null}
]}`

type refundMade struct {
	ID     string       `json:"id" avro:"id,uuid"`
	Amount *big.Rat     `json:"amount" avro:"amount,decimal(9,2)"`
	State  string       `json:"state" avro:"state" validate:"oneof=NEW DONE"`
	MadeAt time.Time    `json:"made_at" avro:"made_at,timestamp-micros"`
	Day    time.Time    `json:"day" avro:"day,date"`
	Code   [2]byte      `json:"code" avro:"code"`
	Note   *string      `json:"note,omitempty" avro:"note"`
	Tags   []string     `json:"tags,omitempty" avro:"tags"`
	Lines  []refundLine `json:"lines" avro:"lines" validate:"dive"`
	First  *refundLine  `json:"first,omitempty" avro:"first"`
}

type refundLine struct {
	SKU string `json:"sku" avro:"sku"`
}

func (refundMade) MessageType() string    { return "RefundMade" }
func (refundMade) Schema() message.Schema { return message.Schema{Namespace: "shop.billing"} }
func (refundMade) AvroSchema() string     { return refundSchema }

func aRefund() refundMade {
	note := "broken"
	return refundMade{
		ID: "0192f0c1-0000-7000-8000-000000000001", Amount: big.NewRat(1255, 100), State: "DONE",
		MadeAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Day: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		Code: [2]byte{1, 2}, Note: &note, Tags: []string{"a"}, Lines: []refundLine{{"s"}}, First: &refundLine{"f"},
	}
}

func TestASchemaOfTheModelsOwnIsUsedAsItIs(t *testing.T) {
	registry := startRegistry(t)
	c := start(t, settings(t, registry.URL()), topic, refundMade{})
	if all := c.Schemas(); len(all) != 1 || all[0].Text != refundSchema {
		t.Errorf("its schema is %+v", all)
	}
	for _, body := range []refundMade{aRefund(), func() refundMade {
		least := aRefund()
		least.Note, least.Tags, least.First, least.Lines = nil, nil, nil, []refundLine{}
		return least
	}()} {
		h := header()
		h.MessageType = "RefundMade"
		m := encode(t, c, h, body)
		var got refundMade
		if _, err := decode(t, c, m, &got); err != nil {
			t.Fatal(err)
		}
		if got.Amount.Cmp(body.Amount) != 0 {
			t.Errorf("amount %s, want %s", got.Amount, body.Amount)
		}
		got.Amount = body.Amount
		if !reflect.DeepEqual(got, body) {
			t.Errorf("read  %+v\nwrote %+v", got, body)
		}
		var plain map[string]any
		if _, err := avro.MustParse(refundSchema).Decode(m.Value[5:], &plain); err != nil || plain["state"] != "DONE" {
			t.Errorf("others read %v, %v", plain, err)
		}
	}
}

// What another version wrote is read by the rules of Avro, enums and nested
// records included.
func TestAnotherVersionOfTheModelsOwnSchemaIsRead(t *testing.T) {
	registry := startRegistry(t)
	c := start(t, settings(t, registry.URL()), topic, refundMade{})
	before := strings.Replace(refundSchema, `{"name": "first", "type": ["null", "Line"], "default": null}`, `{"name": "gone", "type": "int"}`, 1)
	before = strings.Replace(before, `["NEW", "DONE"]}, "default": "NEW"`, `["DONE"]}`, 1)
	value, err := avro.MustParse(before).AppendEncode(nil, map[string]any{
		"id": "0192f0c1-0000-7000-8000-000000000001", "amount": big.NewRat(5, 1), "state": "DONE", "made_at": time.Unix(1, 0), "day": time.Unix(0, 0),
		"code": []byte{1, 2}, "note": "n", "tags": nil, "lines": []any{map[string]any{"sku": "s"}}, "gone": 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	registered, err := client.CreateSchema(t.Context(), "payments-value", sr.Schema{Schema: before})
	if err != nil {
		t.Fatal(err)
	}
	h := header()
	m := &message.Message{Topic: topic, Value: append(binary.BigEndian.AppendUint32([]byte{0}, uint32(registered.ID)), value...)}
	if err := message.WriteHeader(m, h); err != nil {
		t.Fatal(err)
	}
	var got refundMade
	if _, err := decode(t, c, m, &got); err != nil || got.State != "DONE" || len(got.Lines) != 1 || got.Lines[0].SKU != "s" || got.First != nil {
		t.Errorf("read %+v, %v", got, err)
	}
}

type halfRefund struct {
	ID string `avro:"id"`
}

func (halfRefund) AvroSchema() string { return refundSchema }

type moreRefund struct {
	refundMade
	More string `avro:"more"`
}

type noRefund struct{}

func (noRefund) AvroSchema() string { return `"string"` }

type badRefund struct{}

func (badRefund) AvroSchema() string { return `{` }

func TestAStructThatIsNotItsSchemasIsRefused(t *testing.T) {
	c := newCodec(t, settings(t, "http://127.0.0.1:1"))
	for want, model := range map[string]any{
		`a field "amount", and the struct has none`: halfRefund{},
		`the schema has no field "more"`:            moreRefund{},
		"is of the type string":                     noRefund{},
		"badRefund.AvroSchema":                      badRefund{},
	} {
		if err := c.Bind(topic, typeOf(model)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %s", model, err, want)
		}
	}
}
