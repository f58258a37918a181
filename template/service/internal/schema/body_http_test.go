package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// parcel has a schema of its own, which says more than the struct.
type parcel struct {
	Code   string          `json:"code" avro:"code"`
	Floor  int32           `json:"floor,omitempty" avro:"floor"`
	State  string          `json:"state,omitempty" avro:"state"`
	Total  message.Decimal `json:"total" avro:"total"`
	Sizes  []int32         `json:"sizes" avro:"sizes"`
	Note   *string         `json:"note,omitempty" avro:"note"`
	Any    any             `json:"any,omitempty" avro:"any"`
	Labels map[string]any  `json:"labels,omitempty" avro:"labels"`
	Box    box             `json:"box" avro:"box"`
	Next   *parcel         `json:"next,omitempty" avro:"next"`
}

type box struct {
	Depth int32 `json:"depth,omitempty" avro:"depth"`
	Width int32 `json:"width" avro:"width"`
}

func (parcel) AvroSchema() string {
	return `{"type": "record", "name": "Parcel", "namespace": "t.e", "fields": [
		{"name": "code", "type": "string"},
		{"name": "floor", "type": "int", "default": 7},
		{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "SENT"]}, "default": "NEW"},
		{"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
		{"name": "sizes", "type": {"type": "array", "items": "int"}},
		{"name": "note", "type": ["null", "string"]},
		{"name": "any", "type": ["null", "string", "bytes", "long", {"type": "record", "name": "Pair", "fields": [{"name": "a", "type": "bytes"}, {"name": "b", "type": ["null", "int"], "default": null}]}]},
		{"name": "labels", "type": {"type": "map", "values": ["null", "boolean", "int", "string", "bytes"]}, "default": {"from": "here"}},
		{"name": "box", "type": {"type": "record", "name": "Box", "fields": [{"name": "depth", "type": "int", "default": 3}, {"name": "width", "type": "int"}]}},
		{"name": "next", "type": ["null", "Parcel"], "default": null}]}`
}

// with is a body that is right, with some fields in the place of others; null takes a
// field out.
func with(t *testing.T, changes map[string]string) []byte {
	t.Helper()
	body := map[string]json.RawMessage{
		"code": json.RawMessage(`"c"`), "total": json.RawMessage(`"1.25"`), "sizes": json.RawMessage(`[1]`), "box": json.RawMessage(`{"width": 2}`),
	}
	for name, text := range changes {
		body[name] = json.RawMessage(text)
		if text == "" {
			delete(body, name)
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestWhatIsAbsentGetsItsDefault proves that a body in JSON gets the defaults of the
// schema, at every depth, and nothing else.
func TestWhatIsAbsentGetsItsDefault(t *testing.T) {
	b, err := NewBodies(reflect.TypeFor[parcel]())
	if err != nil {
		t.Fatal(err)
	}
	var got parcel
	if err := b.Fill(with(t, map[string]string{"next": string(with(t, map[string]string{"floor": "0", "state": `"SENT"`}))}), &got); err != nil {
		t.Fatal(err)
	}
	labels := map[string]any{"from": map[string]any{"string": "here"}}
	next := parcel{Code: "c", State: "SENT", Total: "1.25", Sizes: []int32{1}, Labels: labels, Box: box{3, 2}}
	want := parcel{Code: "c", Floor: 7, State: "NEW", Total: "1.25", Sizes: []int32{1}, Labels: labels, Box: box{3, 2}, Next: &next}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Next, want, want.Next)
	}
}

// TestWhatDoesNotFitIsRefusedByItsField proves that no value is made up for one that
// is missing, null or beyond what the schema allows.
func TestWhatDoesNotFitIsRefusedByItsField(t *testing.T) {
	b, err := NewBodies(reflect.TypeFor[parcel]())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ field, text, at string }{
		{"code", "", "code: is required"},
		{"total", "", "total: is required"},
		{"sizes", "", "sizes: is required"},
		{"box", "{}", "box.width: is required"},
		{"code", "null", "code: must not be null"},
		{"floor", "null", "floor: must not be null"},
		{"sizes", "null", "sizes: must not be null"},
		{"sizes", "[1, null]", "sizes[1]: must not be null"},
		{"state", `""`, "state: must be one of NEW, SENT"},
		{"total", `"1.234"`, "total: must be a decimal number of at most 6 digits"},
		{"total", `"123456.00"`, "total: must be a decimal number of at most 6 digits"},
		{"total", `"-123456"`, "total: must be a decimal number of at most 6 digits"},
		{"total", `"1/3"`, "total: must be a decimal number of at most 6 digits"},
		{"floor", "3000000000", "floor: does not fit"},
		{"any", `"bare"`, `any: must be one of {"string": …}, {"bytes": …}, {"long": …}, {"t.e.Pair": …}`},
		{"any", `{"bytes": "?"}`, "any: must be a base64 string"},
		{"any", `{"t.e.Pair": {}}`, "any.a: is required"},
		{"labels", `{"a": {"int": 3000000000}}`, "labels"},
	} {
		var got parcel
		err := b.Fill(with(t, map[string]string{tt.field: tt.text}), &got)
		if _, isField := errors.AsType[*message.FieldError](err); !isField || !strings.Contains(err.Error(), tt.at) {
			t.Errorf("%s %s: %v, want %s", tt.field, tt.text, err, tt.at)
		}
	}
}

// TestUnionsKeepTheirTypesName proves that a value of a union of several types is read
// from JSON, written and read in Avro, and is the same again.
func TestUnionsKeepTheirTypesName(t *testing.T) {
	b, err := NewBodies(reflect.TypeFor[parcel]())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]any{
		`null`:                                    nil,
		`{"string": "s"}`:                         map[string]any{"string": "s"},
		`{"bytes": "AQI="}`:                       map[string]any{"bytes": []byte{1, 2}},
		`{"long": 9007199254740993}`:              map[string]any{"long": int64(9007199254740993)},
		`{"t.e.Pair": {"a": "AQ==", "b": 5}}`:     map[string]any{"t.e.Pair": map[string]any{"a": []byte{1}, "b": map[string]any{"int": int32(5)}}},
		`{"t.e.Pair": {"a": "", "b": {"int":5}}}`: map[string]any{"t.e.Pair": map[string]any{"a": []byte{}, "b": map[string]any{"int": int32(5)}}},
	} {
		var got, again parcel
		if err := b.Fill(with(t, map[string]string{"any": text}), &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		written, err := b.model.encode(nil, got)
		if err == nil {
			err = readAvro(b.model.local, b.model, written, &again)
		}
		if err != nil || !reflect.DeepEqual(again.Any, want) {
			t.Errorf("%s is %#v again (%v), want %#v", text, again.Any, err, want)
		}
	}
}

// TestNeedsGoesByTheSchema proves which fields a body must have.
func TestNeedsGoesByTheSchema(t *testing.T) {
	type derived struct {
		ID     string  `json:"id"`
		Note   *string `json:"note"`
		Count  int     `json:"count,omitempty"`
		Weight float64 `json:"weight" avro:",default=1.5"`
		Inner  box     `json:"inner,omitzero"`
	}
	for _, tt := range []struct {
		model reflect.Type
		want  []string
	}{
		{reflect.TypeFor[parcel](), []string{"Code", "Total", "Sizes", "Box"}},
		{reflect.TypeFor[derived](), []string{"ID", "Inner"}},
	} {
		b, err := NewBodies(tt.model)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f := range tt.model.Fields() {
			if b.Needs(f) {
				got = append(got, f.Name)
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s needs %v, want %v", tt.model, got, tt.want)
		}
	}
}

// ownJSON reads its JSON by itself.
type ownJSON struct{ X int }

func (*ownJSON) UnmarshalJSON([]byte) error { return nil }

// TestBodiesOfAnotherFormAreLeftAlone proves that no body is read by the schema whose
// JSON that does not tell.
func TestBodiesOfAnotherFormAreLeftAlone(t *testing.T) {
	for _, model := range []reflect.Type{
		reflect.TypeFor[struct {
			N int `json:"n,string"`
		}](),
		reflect.TypeFor[struct {
			In []struct{ Own map[string]ownJSON }
		}](),
		reflect.TypeFor[struct{ Any any }](),
	} {
		if _, err := NewBodies(model); err == nil {
			t.Errorf("%s is taken", model)
		}
	}
}
