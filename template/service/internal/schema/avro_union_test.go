package schema

import (
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/avro"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// lot is a model whose schema is made from the struct; fixedLot has its own.
type lot struct {
	ID    string   `json:"id"`
	N     int64    `json:"n,omitempty"`
	Tags  []string `json:"tags"`
	Inner []inner  `json:"inner"`
}

type inner struct {
	Price float64 `json:"price"`
}

type fixedLot struct {
	ID string `json:"id" avro:"id"`
	N  int32  `json:"n,omitempty" avro:"n"`
}

func (fixedLot) AvroSchema() string {
	return `{"type": "record", "name": "Lot", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": "int", "default": 0}]}`
}

// TestWritersUnionIsReadByTheTypeThatWasWritten proves that a message is read if the
// value has a type that the model can read, whatever else the writer's union has, and
// refused by its field if not: no zero stands for a null.
func TestWritersUnionIsReadByTheTypeThatWasWritten(t *testing.T) {
	const fields = `{"type": "record", "name": "Lot", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": ["null", "int", "string"], "default": null},
		{"name": "tags", "type": {"type": "array", "items": ["null", "string"]}},
		{"name": "inner", "type": {"type": "array", "items": {"type": "record", "name": "inner", "fields": [{"name": "price", "type": ["string", "double", "float"]}]}}}]}`
	prices := func(price any) []any { return []any{map[string]any{"price": price}} }
	for _, tt := range []struct {
		name   string
		model  reflect.Type
		writer string
		body   map[string]any
		want   any    // nil if it is refused
		field  string // by which
	}{
		{"an int", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": int32(5), "tags": []any{"x"}, "inner": prices(1.5)}, lot{"a", 5, []string{"x"}, []inner{{1.5}}}, ""},
		{"a float", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": int32(5), "tags": []any{}, "inner": prices(float32(1.5))}, lot{"a", 5, []string{}, []inner{{1.5}}}, ""},
		{"null", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": nil, "tags": []any{}, "inner": []any{}}, nil, "n"},
		{"a text", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": "5", "tags": []any{}, "inner": []any{}}, nil, "n"},
		{"null in a list", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": int32(5), "tags": []any{nil}, "inner": []any{}}, nil, "tags"},
		{"a text in a record", reflect.TypeFor[lot](), fields, map[string]any{"id": "a", "n": int32(5), "tags": []any{}, "inner": prices("1.5")}, nil, "price"},
		{"an int of an own schema", reflect.TypeFor[fixedLot](), `{"type": "record", "name": "Lot", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": ["null", "int"]}]}`,
			map[string]any{"id": "a", "n": int32(5)}, fixedLot{"a", 5}, ""},
		{"null of an own schema", reflect.TypeFor[fixedLot](), `{"type": "record", "name": "Lot", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": ["null", "int"]}]}`,
			map[string]any{"id": "a", "n": nil}, nil, "n"},
	} {
		_, b, err := avroFormat{}.model(tt.model, message.Schema{Name: "Lot"})
		if err != nil {
			t.Fatal(err)
		}
		writer := avro.MustParse(tt.writer)
		data, err := writer.Encode(tt.body)
		if err != nil {
			t.Fatal(err)
		}
		read, err := (&avroWritten{writer}).reader(b)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		out := reflect.New(tt.model)
		err = read(data, out.Interface())
		switch {
		case tt.want != nil && (err != nil || !reflect.DeepEqual(out.Elem().Interface(), tt.want)):
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, out.Elem(), err, tt.want)
		case tt.want == nil && (err == nil || message.ClassOf(err) != message.ClassDecode || !strings.Contains(err.Error(), "field "+tt.field) && !strings.Contains(err.Error(), tt.field+":")):
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.want != nil {
			if err := read(append(data, 0), out.Interface()); err == nil {
				t.Errorf("%s: a byte too many is taken", tt.name)
			}
		}
	}
}

// TestNothingOfAUnionIsReadable proves that a writer is refused as a whole if the
// model can read none of the types.
func TestNothingOfAUnionIsReadable(t *testing.T) {
	_, b, err := avroFormat{}.model(reflect.TypeFor[fixedLot](), message.Schema{})
	if err != nil {
		t.Fatal(err)
	}
	writer := avro.MustParse(`{"type": "record", "name": "Lot", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": ["null", "string"]}]}`)
	if _, err := (&avroWritten{writer}).reader(b); err == nil || !strings.Contains(err.Error(), "field n") {
		t.Errorf("%v", err)
	}
}
