package schema_test

import (
	"encoding/binary"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func typeOf(v any) reflect.Type { return reflect.TypeOf(v) }

const topic = "payments"

// payment has the names that models have mostly: those of its json tags.
type payment struct {
	ID     string  `json:"id" validate:"required"`
	Amount float64 `json:"amount" validate:"gt=0"`
	Note   string  `json:"note,omitempty"`
}

func (payment) MessageType() string { return "PaymentReceived" }

func (payment) Schema() message.Schema {
	return message.Schema{Namespace: "shop.billing", Version: "3"}
}

const paymentSchema = `{"type":"record","name":"PaymentReceived","namespace":"shop.billing","fields":[` +
	`{"name":"id","type":"string"},{"name":"amount","type":"double"},{"name":"note","type":"string","default":""}]}`

func header() message.Header {
	h := message.NewHeader("PaymentReceived", "till")
	h.CorrelationID = "c-1"
	h.Timestamp = h.Timestamp.Truncate(time.Microsecond)
	return h
}

func TestSchemaHasTheNamesOfTheJSON(t *testing.T) {
	c := newCodec(t, settings(t, "http://127.0.0.1:1"))
	bind(t, c, topic, payment{})
	all := c.Schemas()
	if len(all) != 1 || all[0].Text != paymentSchema || all[0].Subject != "payments-value" || all[0].Level != "BACKWARD" {
		t.Errorf("it is %+v", all)
	}
}

func TestReadsWhatItWrote(t *testing.T) {
	registry := startRegistry(t)
	c := start(t, settings(t, registry.URL()), topic, payment{})
	h, body := header(), payment{"P-1", 12.5, "für später"}
	m := encode(t, c, h, body)

	if id := binary.BigEndian.Uint32(m.Value[1:5]); m.Value[0] != 0 || int(id) != registry.has(t, "payments-value")[0].ID {
		t.Errorf("the value begins with % x", m.Value[:5])
	}
	var got payment
	message.Describe(&h, body) // the model says so itself
	gotHeader, err := decode(t, c, m, &got)
	if err != nil || got != body || gotHeader != h {
		t.Errorf("read %+v %+v, %v\nwant %+v %+v", gotHeader, got, err, h, body)
	}
}

// Any reader of Avro reads what follows the five bytes, by the schema that the
// registry has.
func TestWritesPlainAvro(t *testing.T) {
	c := start(t, settings(t, startRegistry(t).URL()), topic, payment{})
	m := encode(t, c, header(), &payment{"P-1", 12.5, "n"})
	var got map[string]any
	if _, err := avro.MustParse(paymentSchema).Decode(m.Value[5:], &got); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"id": "P-1", "amount": 12.5, "note": "n"}; !reflect.DeepEqual(got, want) {
		t.Errorf("it is %v", got)
	}
}

// Who does not know envelopes still gets through to a handler.
func TestFillsInTheHeaderThatIsMissing(t *testing.T) {
	c := start(t, settings(t, startRegistry(t).URL()), topic, payment{})
	m := encode(t, c, header(), payment{ID: "P-1"})
	m.Headers, m.Partition, m.Offset, m.Time = nil, 2, 17, time.Now()
	var got payment
	h, err := decode(t, c, m, &got)
	want := message.Header{
		MessageType: "PaymentReceived", SchemaName: "shop.billing.PaymentReceived", SchemaVersion: "1",
		MessageID: "payments/2/17", Timestamp: m.Time.UTC(), Producer: "unknown",
	}
	if err != nil || h != want {
		t.Errorf("got  %+v, %v\nwant %+v", h, err, want)
	}
}

// The writer's schema is another version, by another team: a field that is
// gone, one that is new, one that has become wider, another order, another name.
func TestResolvesTheWritersSchema(t *testing.T) {
	registry := startRegistry(t)
	writer := `{"type":"record","name":"PaymentReceived","namespace":"shop.billing","fields":[
		{"name":"legacy","type":{"type":"array","items":"string"}},
		{"name":"amount","type":"int"},
		{"name":"ID","type":"string","doc":"another field, with the name that id has in Go"},
		{"name":"id","type":"string"},
		{"name":"card","type":{"type":"record","name":"card","fields":[{"name":"holder_name","type":"string"}]}}]}`
	registry.SeedSchema("payments-value", 1, 41, sr.Schema{Schema: writer})
	type card struct {
		Holder string `json:"holder" avro:",alias=holder_name"`
	}
	type paymentNow struct {
		payment
		Card     card              `json:"card"`
		Currency string            `json:"currency" avro:",default=EUR"`
		Refund   *float64          `json:"refund"`
		Labels   map[string]string `json:"labels,omitempty"`
	}
	data, err := avro.MustParse(writer).Encode(map[string]any{
		"legacy": []any{"x"}, "amount": int32(7), "ID": "no", "id": "P-2", "card": map[string]any{"holder_name": "Ada"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, settings(t, registry.URL()), topic, paymentNow{})
	var got paymentNow
	if _, err := decode(t, c, &message.Message{Topic: topic, Value: append([]byte{0, 0, 0, 0, 41}, data...)}, &got); err != nil {
		t.Fatal(err)
	}
	want := paymentNow{payment: payment{ID: "P-2", Amount: 7}, Card: card{"Ada"}, Currency: "EUR", Labels: map[string]string{}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// everything has a field of each type that has a schema.
type everything struct {
	Bool     bool                `json:"bool"`
	Int8     int8                `json:"int8"`
	Uint16   uint16              `json:"uint16"`
	Int      int                 `json:"int"`
	Uint32   uint32              `json:"uint32"`
	Float32  float32             `json:"float32"`
	Bytes    []byte              `json:"bytes,omitempty"`
	Fixed    [4]byte             `json:"fixed"`
	List     []inner             `json:"list"`
	Pointers []*inner            `json:"pointers"`
	Map      map[string]int64    `json:"map"`
	Maybe    *inner              `json:"maybe"`
	At       time.Time           `json:"at"`
	Micros   time.Time           `json:"micros" avro:",timestamp-micros"`
	Day      time.Time           `json:"day" avro:",date"`
	Took     time.Duration       `json:"took"`
	Price    *big.Rat            `json:"price" avro:",decimal(9,2)"`
	Ident    uuid.UUID           `json:"ident" avro:",uuid"`
	Text     uuid.UUID           `json:"text"`
	Kind     kind                `json:"kind"`
	Deep     map[string][]*inner `json:"deep"`
	Again    inner               `json:"again"`
	Nested   *everything         `json:"nested"`
	Renamed  string              `avro:"other"`
	Skipped  string              `json:"-"`
	private  string              //nolint:unused // models have such fields
	_        message.ForbidExtra
}

type kind string

type inner struct {
	Name string `json:"name"`
	N    int32  `json:"n,omitempty"`
}

func TestEveryTypeSurvives(t *testing.T) {
	c := start(t, settings(t, startRegistry(t).URL()), topic, everything{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	body := everything{
		Bool: true, Int8: -8, Uint16: 65535, Int: -1 << 62, Uint32: 1<<32 - 1, Float32: 0.5,
		Bytes: []byte{1, 0}, Fixed: [4]byte{1, 2, 3, 4}, List: []inner{{"a", 1}, {"b", 2}}, Pointers: []*inner{nil, {"c", 3}},
		Map: map[string]int64{"k": 1}, Maybe: &inner{"d", 4}, At: at.Truncate(time.Millisecond), Micros: at,
		Day: at.Truncate(24 * time.Hour), Took: 1234567 * time.Nanosecond, Price: big.NewRat(1999, 100),
		Ident: uuid.New(), Text: uuid.New(), Kind: "k", Deep: map[string][]*inner{"x": {{"e", 5}}}, Again: inner{"f", 6},
		Nested:  &everything{Price: big.NewRat(1, 2), List: []inner{}, Pointers: []*inner{}, Map: map[string]int64{}, Deep: map[string][]*inner{}, Day: time.Unix(0, 0).UTC()},
		Renamed: "r",
	}
	h := message.NewHeader("everything", "tests")
	var got everything
	if _, err := decode(t, c, encode(t, c, h, body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Price.Cmp(body.Price) != 0 || got.Nested.Price.Cmp(body.Nested.Price) != 0 {
		t.Errorf("prices %v, %v", got.Price, got.Nested.Price)
	}
	got.Price, got.Nested.Price, body.Price, body.Nested.Price = nil, nil, nil, nil
	if got.Nested.Bytes = nil; !reflect.DeepEqual(got, body) {
		t.Errorf("got  %+v\nwant %+v", got, body)
	}
}

// What has no schema is refused when it is registered, and not by its first message.
func TestModelsThatHaveNoSchemaAreRefused(t *testing.T) {
	type (
		twice struct {
			A string `avro:"x"`
			B string `json:"x"`
		}
		open     struct{ V any }
		unsigned struct{ N uint64 }
		dashed   struct {
			N int `json:"a-b"`
		}
		keys   struct{ M map[int]string }
		rat    struct{ R big.Rat }
		option struct {
			R string `avro:",nul"`
		}
		notNumber struct {
			N int64 `avro:",default=x"`
		}
		pointer struct {
			N *int64 `avro:",default=1"`
		}
		names struct {
			N int64 `json:"a" avro:"b"`
		}
		logical struct {
			N string `avro:",timestamp-micros"`
		}
	)
	for want, model := range map[string]any{
		"is not a struct":                          "text",
		"both called x":                            twice{},
		"V: a interface {} has no schema":          open{},
		"does not fit into Avro's long":            unsigned{},
		`"a-b" cannot be a name in Avro`:           dashed{},
		"the keys of a map are texts":              keys{},
		`needs avro:",decimal(precision,scale)"`:   rat{},
		`the avro tag's option "nul" is unknown`:   option{},
		"default=x is no int64":                    notNumber{},
		"a pointer's default is null":              pointer{},
		`is "a" in JSON and "b" in Avro`:           names{},
		"cannot be a timestamp-micros":             logical{},
		`"" cannot be a name in Avro`:              struct{ N int }{},
		`"NO" is no compatibility: it must be one`: odd{},
	} {
		c := newCodec(t, settings(t, "http://127.0.0.1:1"))
		mustSay(t, c.Bind(topic, typeOf(model)), want)
	}
}

type odd struct{ N int }

func (odd) Schema() message.Schema { return message.Schema{Name: "odd", Compatibility: "NO"} }
