package schema

import (
	"math/big"
	"reflect"
	"testing"

	"github.com/twmb/avro"
)

// Any body in JSON is written as Avro and is the same again, bytes and decimals
// among it, wherever a named type is used.
func TestBodiesAreWrittenAsAvro(t *testing.T) {
	s := avro.MustParse(`{"type": "record", "name": "R", "namespace": "x.y", "fields": [
		{"name": "count", "type": "long"},
		{"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}]},
		{"name": "part", "type": {"type": "record", "name": "Part", "fields": [{"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}}]}},
		{"name": "more", "type": {"type": "map", "values": ["null", {"type": "array", "items": "Part"}]}}
	]}`)
	fields, err := FromJSON(s, []byte(`{"count": 9007199254740993, "price": "12.50", "part": {"code": "AQI="}, "more": {"a": [{"code": "AwQ="}], "b": null}}`))
	if err != nil {
		t.Fatal(err)
	}
	value, err := s.AppendEncode(nil, fields)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if _, err := s.Decode(value, &got); err != nil {
		t.Fatal(err)
	}
	price, _ := got["price"].(*big.Rat)
	if price == nil || price.Cmp(big.NewRat(25, 2)) != 0 {
		t.Errorf("price is %v", got["price"])
	}
	delete(got, "price")
	want := map[string]any{
		"count": int64(9007199254740993), "part": map[string]any{"code": []byte{1, 2}},
		"more": map[string]any{"a": []any{map[string]any{"code": []byte{3, 4}}}, "b": nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
	for _, wrong := range []string{
		`{"count": 1, "price": "x", "part": {"code": "AQI="}, "more": {}}`, `{"count": 1, "part": {"code": "?"}, "more": {}}`, `{`, `{"count": null, "part": {"code": "AQI="}, "more": {}}`,
		`{"part": {"code": "AQI="}, "more": {}}`, `{"count": 1, "part": {}, "more": {}}`, `{"count": 1, "part": {"code": "AQI="}, "more": {"a": [null]}}`,
	} {
		if _, err := FromJSON(s, []byte(wrong)); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}
