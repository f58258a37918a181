package schema_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// invoice has a rule of each kind that JSON Schema has words for.
type invoice struct {
	ID       string            `json:"id" validate:"required,uuid" doc:"its number"`
	Amount   float64           `json:"amount" validate:"gt=0,lte=1000"`
	Currency string            `json:"currency" validate:"required,oneof=EUR USD"`
	Days     int               `json:"days" validate:"min=0,max=90"`
	Count    uint              `json:"count"`
	Note     string            `json:"note,omitempty" validate:"omitempty,min=3,max=20"`
	Code     string            `json:"code" validate:"omitempty,len=4"`
	Lines    []line            `json:"lines" validate:"min=1,dive"`
	Tags     []string          `json:"tags" validate:"max=3,dive,min=2"`
	Names    map[string]string `json:"names"`
	Paid     *time.Time        `json:"paid"`
	Proof    []byte            `json:"proof"`
	Either   string            `json:"either" validate:"email|url"`
	Parent   *invoice          `json:"parent"`
}

type line struct {
	Text string `json:"text" validate:"required"`
}

func (invoice) MessageType() string { return "InvoiceSent" }

func (invoice) Schema() message.Schema { return message.Schema{Namespace: "shop"} }

const invoiceSchema = `{"$schema":"http://json-schema.org/draft-07/schema#","title":"shop.InvoiceSent","type":"object","properties":{` +
	`"amount":{"type":"number","maximum":1000,"exclusiveMinimum":0},` +
	`"code":{"type":"string"},` +
	`"count":{"type":"integer","minimum":0},` +
	`"currency":{"type":"string","enum":["EUR","USD"],"minLength":1},` +
	`"days":{"type":"integer","minimum":0,"maximum":90},` +
	`"either":{"type":"string"},` +
	`"id":{"description":"its number","type":"string","format":"uuid","minLength":1},` +
	`"lines":{"type":"array","minItems":1,"items":{"$ref":"#/definitions/line"}},` +
	`"names":{"type":"object","additionalProperties":{"type":"string"}},` +
	`"note":{"type":"string","minLength":3,"maxLength":20},` +
	`"paid":{"type":["null","string"],"format":"date-time"},` +
	`"parent":{"anyOf":[{"type":"null"},{"$ref":"#"}]},` +
	`"proof":{"type":"string","contentEncoding":"base64"},` +
	`"tags":{"type":"array","maxItems":3,"items":{"type":"string","minLength":2}}},` +
	`"required":["id","currency"],"additionalProperties":false,` +
	`"definitions":{"line":{"type":"object","properties":{"text":{"type":"string","minLength":1}},"required":["text"],"additionalProperties":false}}}`

func TestJSONSchemaHasTheRulesOfTheModel(t *testing.T) {
	c := newCodec(t, settings(t, nowhere, "SCHEMA_REGISTRY_FORMAT", "json"))
	bind(t, c, "invoices", invoice{})
	if got := c.Schemas()[0].Text; got != invoiceSchema {
		t.Errorf("it is\n%s\nwant\n%s", strings.ReplaceAll(got, "},", "},\n"), strings.ReplaceAll(invoiceSchema, "},", "},\n"))
	}
}

func TestJSONReadsWhatItWrote(t *testing.T) {
	registry := startRegistry(t)
	c := start(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", "json"), topic, payment{})
	h, body := header(), payment{"P-1", 12.5, "n"}
	m := encode(t, c, h, body)
	if got := string(m.Value[5:]); got != `{"id":"P-1","amount":12.5,"note":"n"}` {
		t.Errorf("the value is %s", got)
	}
	if s := registry.has(t, "payments-value")[0]; s.Type != sr.TypeJSON {
		t.Errorf("the schema is one of %v", s.Type)
	}
	message.Describe(&h, body) // the model says so itself
	var got payment
	if gotHeader, err := decode(t, c, m, &got); err != nil || got != body || gotHeader != h {
		t.Errorf("read %+v %+v, %v", gotHeader, got, err)
	}
	m.Headers, m.Time = nil, time.Now()
	if gotHeader, _ := decode(t, c, m, &got); gotHeader.SchemaName != "shop.billing.PaymentReceived" || gotHeader.MessageType != "PaymentReceived" {
		t.Errorf("the header is filled in with %+v", gotHeader)
	}
}

func TestJSONDecodeNamesTheField(t *testing.T) {
	c := start(t, settings(t, startRegistry(t).URL(), "SCHEMA_REGISTRY_FORMAT", "json"), topic, payment{})
	m := encode(t, c, header(), payment{ID: "P-1"})
	for value, want := range map[string]string{
		`{"amount":"much"}`: "body.amount: must be a number, got string",
		``:                  "body: not JSON: it ends too early",
		`{"id":"x"} {}`:     "after top-level value",
		`{"id"`:             "not JSON",
	} {
		m.Value = append(m.Value[:5:5], value...)
		var got payment
		_, err := decode(t, c, m, &got)
		mustSay(t, err, want)
	}
}

func TestJSONChangesThatBreakAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name, writer, reader string
		field                string // "-" when the change is allowed
	}{
		{"nothing", `{"type":"object"}`, `{"type":"object"}`, "-"},
		{"wider number", `{"type":"object","properties":{"a":{"type":"integer"}}}`, `{"type":"object","properties":{"a":{"type":"number"}}}`, "-"},
		{"narrower number", `{"type":"object","properties":{"a":{"type":"number"}}}`, `{"type":"object","properties":{"a":{"type":"integer"}}}`, "a"},
		{"now null too", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"type":["null","string"]}}}`, "-"},
		{"no null any more", `{"type":"object","properties":{"a":{"type":["null","string"]}}}`, `{"type":"object","properties":{"a":{"type":"string"}}}`, "a"},
		{"required", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, "a"},
		{"new in a closed object", `{"type":"object","additionalProperties":false}`, `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`, "-"},
		{"new in an open object", `{"type":"object"}`, `{"type":"object","properties":{"a":{"type":"string"}}}`, "a"},
		{"gone from a closed object", `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`, `{"type":"object","additionalProperties":false}`, "a"},
		{"closed", `{"type":"object"}`, `{"type":"object","additionalProperties":false}`, ""},
		{"one value more", `{"enum":["a"]}`, `{"enum":["a","b"]}`, "-"},
		{"one value less", `{"enum":["a","b"]}`, `{"enum":["a"]}`, ""},
		{"some values", `{"type":"string"}`, `{"type":"string","enum":["a"]}`, ""},
		{"lower minimum", `{"minimum":2}`, `{"minimum":1}`, "-"},
		{"higher minimum", `{"minimum":1}`, `{"minimum":2}`, ""},
		{"new maximum", `{"type":"string"}`, `{"type":"string","maxLength":2}`, ""},
		{"items", `{"items":{"type":"string"}}`, `{"items":{"type":"integer"}}`, "[]"},
		{"format", `{"type":"string"}`, `{"type":"string","format":"uuid"}`, ""},
		{"values of a map", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","additionalProperties":{"type":"integer"}}`, "{}"},
		{"behind a reference", `{"type":"object","properties":{"a":{"$ref":"#/definitions/x"}},"definitions":{"x":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"type":"integer"}}}`, "a"},
		{"or null", `{"type":"object"}`, `{"anyOf":[{"type":"null"},{"type":"object"}]}`, "-"},
		{"or null still", `{"anyOf":[{"type":"null"},{"type":"object"}]}`, `{"anyOf":[{"type":"null"},{"type":"object"}],"description":"x"}`, "-"},
		{"null no more", `{"type":"object","properties":{"a":{"anyOf":[{"type":"null"},{"$ref":"#"}]}}}`, `{"type":"object","properties":{"a":{"$ref":"#"}}}`, "a"},
		{"within what may be null", `{"anyOf":[{"type":"null"},{"type":"object","properties":{"b":{"type":"string"}}}]}`,
			`{"anyOf":[{"type":"null"},{"type":"object","properties":{"b":{"type":"integer"}}}]}`, "b"},
		{"asked for twice", `{"type":"object","properties":{"a":{"$ref":"#/definitions/x"},"b":{"$ref":"#/definitions/x"}},"definitions":{"x":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/definitions/y"},{"type":"string"}]},"b":{"$ref":"#/definitions/y"}},"definitions":{"y":{"type":"null"}}}`, "b"},
		{"in itself", `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"type":"integer"}}}`, "b"},
	} {
		err := schema.CompareJSON(tt.writer, tt.reader)
		broken, ok := errors.AsType[*schema.BreakError](err)
		if ok != (tt.field != "-") || ok && broken.Field != tt.field || !ok && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// What models do not say is not guessed at.
func TestJSONOfOthersIsNotComparedHere(t *testing.T) {
	for _, other := range []string{
		`{"oneOf":[{"type":"object"}]}`, `{"$ref":"#/properties/a"}`, `{"$ref":"https://example.com/a.json"}`,
		`{"type":"object","anyOf":[{"type":"object"}]}`, `not JSON`,
	} {
		for _, err := range []error{schema.CompareJSON(other, `{"type":"object"}`), schema.CompareJSON(`{"type":"object"}`, other)} {
			mustSay(t, err, "only the registry can compare it")
		}
	}
}

// The type of a message from others is their schema's title. Without one there
// is nothing to tell it by.
func TestJSONThatHasNoTitleSaysSo(t *testing.T) {
	registry := startRegistry(t)
	registry.SeedSchema("others", 1, 5, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	c := newCodec(t, settings(t, registry.URL(), "SCHEMA_REGISTRY_FORMAT", "json"))
	m := &message.Message{Topic: topic, Value: append([]byte{0, 0, 0, 0, 5}, `{"id":"a"}`...), Time: time.Now()}
	var got payment
	_, err := decode(t, c, m, &got)
	mustSay(t, err, "header.messageType", "schema 5 has no title")
	if message.ClassOf(err) != message.ClassInvalid || !isPermanent(err) {
		t.Errorf("it is %v", err)
	}
	h := header()
	if err := message.WriteHeader(m, h); err != nil {
		t.Fatal(err)
	}
	if _, err := decode(t, c, m, &got); err != nil || got.ID != "a" {
		t.Errorf("with a header of its own: %+v, %v", got, err)
	}
}

func TestJSONModelsThatHaveNoSchemaAreRefused(t *testing.T) {
	type named struct{ C chan int }
	for want, model := range map[string]any{
		"is not a struct":                   1,
		"named.C: a chan int has no schema": named{},
	} {
		c := newCodec(t, settings(t, nowhere, "SCHEMA_REGISTRY_FORMAT", "json"))
		mustSay(t, c.Bind(topic, reflect.TypeOf(model)), want)
	}
}
