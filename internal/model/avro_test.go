package model_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/model"
)

// inRecord is a schema of one field, or of several.
func inRecord(fields string) string {
	return "{\n \"type\": \"record\", \"name\": \"Parcel\", \"namespace\": \"t.e\",\n \"fields\": [\n  {\"name\": \"id\", \"type\": \"string\"},\n  " + fields + "\n ]\n}"
}

// TestAvroThatNoServiceStartsWith proves that an illegal Avro schema is refused
// with the place of what is wrong: its line and column, and its path.
func TestAvroThatNoServiceStartsWith(t *testing.T) {
	for _, tt := range []struct{ fields, path, reason string }{
		{`{"name": "a", "type": "long", "default": "0"}`, "fields[1].default", "expected number, got string"},
		{`{"name": "a", "type": "int", "default": 3000000000}`, "fields[1].default", "overflows"},
		{`{"name": "a", "type": "long", "default": 1.5}`, "fields[1].default", "whole number"},
		{`{"name": "a", "type": "double", "default": "1.5"}`, "fields[1].default", "is a number, not a string"},
		{`{"name": "a", "type": "boolean", "default": "true"}`, "fields[1].default", "boolean"},
		{`{"name": "a", "type": "string", "default": null}`, "fields[1].default", "string"},
		{`{"name": "a", "type": "bytes", "default": "Ā"}`, "fields[1].default", "U+0100"},
		{`{"name": "a", "type": {"type": "enum", "name": "S", "symbols": ["X"]}, "default": "Y"}`, "fields[1].default", `"Y" is not a member`},
		{`{"name": "a", "type": {"type": "enum", "name": "S", "symbols": ["X"], "default": "Y"}}`, "fields[1].type.default", `"Y" is not a member`},
		{`{"name": "a", "type": {"type": "enum", "name": "S", "symbols": ["X", "X"]}}`, "fields[1].type.symbols[1]", "is there already"},
		{`{"name": "a", "type": {"type": "enum", "name": "S", "symbols": ["not-one"]}}`, "fields[1].type.symbols[0]", "no symbol of Avro"},
		{`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 3}, "default": "ab"}`, "fields[1].default", "length 2"},
		{`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 0}}`, "fields[1].type.size", "1 to 4096"},
		{`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 20, "scale": 2}}`, "fields[1].type.precision", "exceeds fixed(2)"},
		{`{"name": "a", "type": {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}}`, "fields[1].type.scale", "more than the precision"},
		{`{"name": "a", "type": ["null", ["null", "string"]], "default": null}`, "fields[1].type[1]", "union"},
		{`{"name": "a", "type": ["string", "string"]}`, "fields[1].type[1]", "duplicate union type"},
		{`{"name": "a", "type": []}`, "fields[1].type", "without a type"},
		{`{"name": "a", "type": ["null", "string", "int"], "default": true}`, "fields[1].default", ""},
		{`{"name": "a", "type": {"type": "array", "items": "int"}, "default": [1, "b"]}`, "fields[1].default", "element 1"},
		{`{"name": "a", "type": {"type": "map", "values": "int"}, "default": {"k": "b"}}`, "fields[1].default", `key "k"`},
		{`{"name": "a", "type": {"type": "record", "name": "Q", "fields": [{"name": "b", "type": "int"}]}, "default": {}}`, "fields[1].default", `missing field "b"`},
		{`{"name": "a", "type": {"type": "record", "name": "Q", "fields": [{"name": "b", "type": "int"}, {"name": "c", "type": "int", "default": ""}]}}`, "fields[1].type.fields[1].default", "number"},
		{`{"name": "a", "type": {"type": "map", "values": {"type": "array", "items": {"type": "record", "name": "Q", "fields": [{"name": "c", "type": "int", "order": "up"}]}}}}`,
			"fields[1].type.values.items.fields[0].order", "order"},
		{`{"name": "a", "type": "int", "order": "upwards"}`, "fields[1].order", "upwards"},
		{`{"name": "a", "type": "int", "aliases": ["id"]}`, "fields[1].aliases[0]", `"id" collides`},
		{`{"name": "a", "type": "int", "aliases": ["not-one"]}`, "fields[1].aliases[0]", "no name of Avro"},
		{`{"name": "a", "type": {"type": "record", "name": "null", "fields": []}}`, "fields[1].type.name", "Avro's own"},
		{`{"name": "a", "type": {"type": "enum", "name": "x.int", "symbols": ["A"]}}`, "fields[1].type.name", "Avro's own"},
		{`{"name": "a", "type": {"type": "record", "name": "Q", "namespace": "a..b", "fields": []}}`, "fields[1].type.namespace", "no namespace"},
		{`{"name": "a", "type": "other.Address"}`, "fields[1].type", "no type of Avro"},
		{`{"name": "a", "type": "t.e.Parcel"}`, "fields[1].type", "no message ends"},
		{`{"name": "a", "type": {"type": "record", "name": "Q", "fields": [{"name": "p", "type": "Parcel"}]}}`, "fields[1].type", "no message ends"},
	} {
		_, err := model.Parse("parcel.avsc", []byte(inRecord(tt.fields)), true)
		at, ok := errors.AsType[*model.Error](err)
		switch {
		case !ok:
			t.Errorf("%s is taken", tt.fields)
		case at.Path != tt.path || at.Line != 5 || at.Column < 3 || !strings.Contains(at.Reason, tt.reason):
			t.Errorf("%s:\n got %v\nwant %s: %s", tt.fields, err, tt.path, tt.reason)
		}
	}
}

// TestAvroAsItIsOutThere proves that what is legal in Avro becomes a model, with
// what is made of it, and a valid message that the library writes and reads.
func TestAvroAsItIsOutThere(t *testing.T) {
	for _, tt := range []struct {
		fields string
		want   []string
	}{
		{`{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "t.e.Parcel"], "default": null}`, []string{"Next *Order "}},
		{`{"name": "children", "type": {"type": "array", "items": "Parcel"}}, {"name": "by", "type": {"type": "map", "values": "Parcel"}}`, []string{"Children []Order ", "map[string]Order "}},
		{`{"name": "a", "type": {"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", {"type": "record", "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]}]}]}}`,
			[]string{"B *OrderB", "A *OrderA"}},
		{`{"name": "nothing", "type": "null"}, {"name": "more", "type": ["null"], "default": null}`, []string{"Nothing any", "More "}},
		{`{"name": "empty", "type": {"type": "record", "name": "Empty", "fields": []}}`, []string{"type OrderEmpty struct{}"}},
		{`{"name": "u", "type": ["null", "string", "bytes", {"type": "record", "name": "Q", "fields": [{"name": "b", "type": "bytes"}]}], "default": null}`,
			[]string{`// One of null, {"string": …}, {"bytes": …} or {"t.e.Q": …}: a map of the` + "\n\t// type's name to the value.\n\tU any"}},
		{`{"name": "m", "type": {"type": "map", "values": ["boolean", "int", "string"]}}`, []string{"M map[string]any"}},
		{`{"name": "s", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "IN_TRANSIT", "new"]}, "default": "NEW"}, {"name": "before", "type": ["null", "State"]}`,
			[]string{"S ", "OrderState ", "Before *OrderState", `OrderStateInTransit OrderState = "IN_TRANSIT"`, `OrderStateNew2 `}},
		{`{"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}}, {"name": "n", "type": ["null", {"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 6, "scale": 2}]}`,
			[]string{"D  message.Decimal", "N  *message.Decimal"}},
		{`{"name": "l", "type": {"type": "long", "logicalType": "date"}}`, []string{"L  int64"}},
		{`{"name": "x", "type": ["int", "null"], "default": 5}`, []string{"X  *int32"}},
	} {
		m := declared(t, "parcel.avsc", inRecord(tt.fields), true)
		if err := holds(m); err != nil {
			t.Errorf("%s: %v", tt.fields, err)
			continue
		}
		got := source(t, m)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: want %s in\n%s", tt.fields, want, got)
			}
		}
	}
}

// TestFaultyPlaceIsFoundInALargeSchema proves that the place is found without an
// amount of work that grows with the square of the schema.
func TestFaultyPlaceIsFoundInALargeSchema(t *testing.T) {
	var fields strings.Builder
	for i := range 500 {
		fallback := "0"
		if i == 321 {
			fallback = `"0"`
		}
		fmt.Fprintf(&fields, `{"name": "f%d", "type": "int", "default": %s},`, i, fallback)
	}
	_, err := model.Parse("big.avsc", []byte(inRecord(strings.TrimSuffix(fields.String(), ","))), true)
	if at, ok := errors.AsType[*model.Error](err); !ok || at.Path != "fields[322].default" {
		t.Errorf("%v", err)
	}
}

// TestTheLibraryIsTheServices proves that forge asks the version of the library
// that the service has.
func TestTheLibraryIsTheServices(t *testing.T) {
	version := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "github.com/twmb/avro ")
		line, _, _ := strings.Cut(after, "\n")
		return line
	}
	if forge, service := version("../../go.mod"), version("../../template/service/go.mod.tmpl"); forge != service || forge == "" {
		t.Errorf("forge has %q, the service %q", forge, service)
	}
}

// TestNullOfAListIsNoEmptyList proves that a list, a map or a text of bytes that may
// be null has a type that says so, where the service makes the schema of the struct.
func TestNullOfAListIsNoEmptyList(t *testing.T) {
	got := shown(t, "a.json", `{"parts": [{"sizes": null}, {"sizes": [1.5]}], "deep": [[1], null]}`, true)
	for _, want := range []string{"Sizes *[]float64 `json:\"sizes,omitempty\"`", "Deep  []*[]int64"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %s in\n%s", want, got)
		}
	}
	if plain := shown(t, "a.json", `{"parts": [{"sizes": null}, {"sizes": [1.5]}]}`, false); !strings.Contains(plain, "Sizes []float64") {
		t.Errorf("JSON has null for a list too:\n%s", plain)
	}
}

// TestKnownSchemas proves what becomes of the schemas that the field knows, written
// here anew after their public formats: CloudEvents, an event of Debezium, a payment
// of Confluent's examples, Apache Avro's logical types, its values of JSON and its
// record of all types. Services with them are built and run in package e2e.
func TestKnownAvroSchemas(t *testing.T) {
	for name, wants := range map[string][]string{
		"cloudevents": {"Attribute map[string]any", "Data any", `or {"bytes": …}`},
		"debezium": {
			"Before      *OrderValue", "After       *OrderValue", "// Days since 1970-01-01 (io.debezium.time.Date).\n\tBorn *int32", "Balance message.Decimal",
			"// One of basic, gold, which is not checked (io.debezium.data.Enum).\n\tLevel string", "(io.debezium.time.MicroTimestamp).\n\tCreatedAt int64",
		},
		"payment":    {`OrderMethodBankTransfer OrderMethod = "BANK_TRANSFER"`, "// How it was paid.\n//\n// Deprecated: it is always CARD now.\ntype OrderMethod string"},
		"logical":    {"Big  message.Decimal", "// A UUID.\n\tU16 [16]byte", "// A duration: ", "// Line one, and so on.", "Tsl  time.Time"},
		"json_value": {"Value any"},
		"interop":    {"NullField   any", "MapField    map[string]OrderFoo", "UnionField  any", "Children []OrderNode"},
	} {
		text, err := os.ReadFile("testdata/known/" + name + ".avsc")
		if err != nil {
			t.Fatal(err)
		}
		m := declared(t, name+".avsc", string(text), true)
		if err := holds(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range wants {
			if got := source(t, m); !strings.Contains(got, want) {
				t.Errorf("%s: want %s in\n%s", name, want, got)
			}
		}
	}
}

// TestFieldIsDeprecated proves that tools see it: a paragraph of its own says so.
func TestFieldIsDeprecated(t *testing.T) {
	m := declared(t, "a.avsc", inRecord(`{"name": "a", "type": "int", "doc": "line one.\nDeprecated: use b."}`), true)
	if got := source(t, m); !strings.Contains(got, "\t// line one.\n\t//\n\t// Deprecated: use b.\n\tA ") {
		t.Error(got)
	}
}
