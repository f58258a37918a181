package schema_test

import (
	"bytes"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	registry := startRegistry(t)
	c := start(t, settings(t, registry.URL()), topic, payment{})
	good := encode(t, c, header(), payment{"P-1", 1, "secret-note"})
	registry.SeedSchema("x", 1, 77, sr.Schema{Schema: `{"type":"record","name":"PaymentReceived","fields":[{"name":"id","type":"string"},{"name":"amount","type":"string"}]}`})
	registry.SeedSchema("y", 1, 78, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	for want, value := range map[string][]byte{
		"which is too short":                                                 {0, 0, 0},
		"begins with the byte 0x7b":                                          []byte(`{"header":{}}`),
		"schema 99 is unknown":                                               {0, 0, 0, 0, 99, 1},
		"4278190081 cannot be a schema's id":                                 {0, 0xff, 0, 0, 1, 1},
		"body: cannot be read as Avro":                                       good.Value[:len(good.Value)-1],
		"something follows it at byte":                                       append(append([]byte{}, good.Value...), 1),
		"field amount: the writer has string":                                {0, 0, 0, 0, 77, 0, 0},
		"schema 78 is one of JSON, and SCHEMA_REGISTRY_FORMAT asks for AVRO": {0, 0, 0, 0, 78, '{', '}'},
	} {
		m := &message.Message{Topic: topic, Value: value, Headers: good.Headers}
		var got payment
		_, err := decode(t, c, m, &got)
		mustSay(t, err, want)
		if !isPermanent(err) || message.ClassOf(err) != message.ClassDecode {
			t.Errorf("%v is not permanent, or of class %s", err, message.ClassOf(err))
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("it shows the body: %v", err)
		}
	}
}

// priced has a field of the same name in Go at two depths, and as many types of
// lists as paths go through.
type priced struct {
	Price  *big.Rat              `json:"total" avro:",decimal(4,2)"`
	Lines  []pricedLine          `json:"lines"`
	Named  map[string]pricedLine `avro:"named"`
	Tagged *big.Rat              `avro:"tagged,decimal(4,2)"`
}

type pricedLine struct {
	Price *big.Rat `json:"line_price" avro:",decimal(4,2)"`
	Count uint8    `json:"line_count"`
}

// The library knows the names in Go. Others know those on the wire.
func TestErrorsNameTheFieldOnTheWire(t *testing.T) {
	fine, third := big.NewRat(1, 2), big.NewRat(1, 3)
	c := start(t, settings(t, startRegistry(t).URL()), topic, priced{})
	for want, body := range map[string]priced{
		"body: total: ":            {Price: third, Tagged: fine},
		"body: lines.line_price: ": {Price: fine, Tagged: fine, Lines: []pricedLine{{Price: third}}},
		"body: named.line_price: ": {Price: fine, Tagged: fine, Named: map[string]pricedLine{"a": {Price: third}}},
		"body: tagged: ":           {Price: fine, Tagged: third},
	} {
		h := message.NewHeader("priced", "tests")
		mustSay(t, c.Encode(t.Context(), &message.Message{Topic: topic}, h, body), want)
	}

	h := message.NewHeader("priced", "tests")
	m := encode(t, c, h, priced{Price: fine, Tagged: fine, Lines: []pricedLine{{Price: fine, Count: 1}}})
	one := bytes.LastIndex(m.Value, []byte{50, 2}) // 0.50 in cents, and 1
	m.Value = slices.Concat(m.Value[:one+1], []byte{0x80, 0x08}, m.Value[one+2:])
	var got priced
	_, err := decode(t, c, m, &got)
	mustSay(t, err, "lines.line_count: ")
}
