package model_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// declared parses a schema and gives everything its name in Go.
func declared(t *testing.T, file, text string, avro bool) *model.Model {
	t.Helper()
	m, err := model.Parse(file, []byte(text), avro)
	if err != nil {
		t.Fatal(err)
	}
	m.Declare("Order", make(map[string]bool))
	return m
}

// source is the file of Go that a model is declared in.
func source(t *testing.T, m *model.Model) string {
	t.Helper()
	text, err := m.Go("orders", "OrderCreated", "example.com/shop", "orders")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGolden shows what becomes of each of testdata's schemas, when messages are
// JSON and when they are Avro: the model, then bodies to test it with.
func TestGolden(t *testing.T) {
	avsc, _ := filepath.Glob("testdata/*.avsc")
	files, _ := filepath.Glob("testdata/*.json")
	if len(avsc) == 0 || len(files) == 0 {
		t.Fatal("no schemas")
	}
	for _, file := range append(files, avsc...) {
		for _, avro := range []bool{false, true} {
			golden := file + ".golden"
			if avro {
				golden = file + ".avro.golden"
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := shown(t, filepath.Base(file), string(text), avro)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("%s is another; see the difference after: go test ./internal/model -run TestGolden -update (%v)", golden, err)
			}
		}
	}
}

func shown(t *testing.T, file, text string, avro bool) string {
	t.Helper()
	if _, err := model.Parse(file, []byte(text), avro); err != nil {
		return err.Error() + "\n"
	}
	m := declared(t, file, text, avro)
	var b strings.Builder
	b.WriteString(source(t, m))
	for _, c := range m.Cases() {
		fmt.Fprintf(&b, "\n// %s: %s\n// %s\n", c.Name, c.Problem, c.Body)
	}
	return b.String()
}

// TestMistakes proves that what is no schema, and what no model can be, is told
// with its place and a word on what is wrong.
func TestMistakes(t *testing.T) {
	record := func(fields string) string { return `{"type": "record", "name": "R", "fields": [` + fields + `]}` }
	object := func(properties string) string { return `{"type": "object", "properties": {` + properties + `}}` }
	for _, tt := range []struct{ file, text, want string }{
		{"a.proto", `syntax`, `a.proto: is no schema: its name ends in ".proto"`},
		{"a.avsc", "{\n  \"type\": \"record\",,\n}", "a.avsc:2:20: is not JSON: "},
		{"a.avsc", `{"type": "record"`, "a.avsc:1:18: is not JSON: "},
		{"a.avsc", record(``) + " x", "something follows"},
		{"a.avsc", "\xff", "is not text in UTF-8"},
		{"a.avsc", strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100), "is nested more than 64 deep"},
		{"a.avsc", `"string"`, "a.avsc:1:1: the body of a message is a record"},
		{"a.avsc", `{"type": "record", "fields": []}`, "has no name"},
		{"a.avsc", `{"type": "record", "name": "1", "fields": []}`, `a.avsc:1:28: name: "1" is no name of Avro`},
		{"a.avsc", `{"type": "record", "name": "R"}`, "has no fields"},
		{"a.avsc", record(`{"name": "a", "type": "strng"}`), `a.avsc:1:66: fields[0].type: "strng" is no type of Avro`},
		{"a.avsc", record(`{"name": "a"}`), "fields[0]: has no type"},
		{"a.avsc", record(`{"name": "a", "type": "int"}, {"name": "a", "type": "int"}`), `fields[1].name: a field "a" is there already`},
		{"a.avsc", record(`{"name": "a", "name": "b", "type": "int"}`), `fields[0]: "name" is there twice`},
		{"a.avsc", record(`{"name": "a", "type": {"type": "fixed", "name": "F"}}`), "has no size"},
		{"a.avsc", record(`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 99999}}`), "1 to 4096 bytes"},
		{"a.avsc", record(`{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["a", "a"]}}`), `the symbol "a" is there already`},
		{"a.avsc", record(`{"name": "a", "type": {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}}`), "the scale 3 is more than the precision 2"},
		{"a.json", `[]`, "a.json:1:1: a message is an object, and this is a list"},
		{"a.json", `{"header": {}, "body": 1}`, "a.json:1:24: body: the body of a message is an object, and this is a number"},
		{"a.json", `{"header": {"messageType": "a b"}, "body": {}}`, `header.messageType: "a b" is no type of messages`},
		{"a.json", `{"$schema": "x", "type": "string"}`, "the body of a message has fields"},
		{"a.json", object(`"a": {"type": "strng"}`), `properties.a.type: "strng" is no type of JSON Schema`},
		{"a.json", object(`"a": {"$ref": "#/$defs/b"}`), `there is no "$defs"`},
		{"a.json", object(`"a": {"$ref": "other.json"}`), `"other.json" is not in this file`},
		{"a.json", `{"required": ["a"], "properties": {"a": {"$ref": "#"}}}`, `properties.a: "a" has to be there in itself again, so that no message ends`},
		{"a.json", object(`"a": {"minimum": 5, "maximum": 4}`), "allows no number"},
		{"a.json", object(`"a": {"type": "string", "minLength": 5, "maxLength": 4}`), "at least 5 and at most 4 long"},
		{"a.json", object(`"a": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 3}`), "wants 3 items"},
		{"a.json", object(`"a": {"type": "array", "minItems": 100000}`), "more than 10000"},
		{"a.json", object(`"a": {"enum": []}`), "allows no value"},
		{"a.json", object(`"a,b": {"type": "string"}`), `properties["a,b"]: a field of Go cannot be called "a,b" in JSON`},
		{"a.json", object(`"": {"type": "string"}`), `cannot be called "" in JSON`},
		{"a.json", `{"$schema": "x", "allOf": [{"type": "object"}, {"type": "array"}]}`, "type is said twice"},
		{"a.json", `{"$schema": "x", "$ref": "#/$defs/A", "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}]}}}`, `"#/$defs/A" is inside of itself`},
		{"a.json", object(`"a": {"$ref": "#/100%"}`), `"#/100%" is no reference`},
		{"a.json", `{"definitions": {"A": {"type": "object"}}}`, "the body of a message has fields, and this says none"},
		{"a.json", `{"openapi": "3.1.0", "info": {"title": "x"}, "components": {"schemas": {}}}`, "a.json: is an OpenAPI document; give one of its schemas"},
		{"a.json", `{"swagger": "2.0", "info": {"title": "x"}, "definitions": {}}`, "a.json: is an OpenAPI document; give one of its schemas"},
		{"a.json", `{"id": 18446744073709551615}`, "a.json:1:8: id: 18446744073709551615 is beyond the whole numbers of Go"},
		{"a.json", `{"x": [1.5, 9007199254740993]}`, "x[1]: 9007199254740993 is beyond the whole numbers of Go"},
		{"a.json", `{"x": [{"a": ["b", -9223372036854775809]}]}`, "x[0].a[1]: -9223372036854775809 is beyond the whole numbers of Go"},
		{"a.json", `{"x": 1e400}`, "x: 1e400 is beyond all numbers of Go"},
		{"a.json", `{"x": 1e-400}`, "x: 1e-400 is beyond all numbers of Go"},
		{"a.json", `{"x": ` + strings.Repeat("9", 1000) + `}`, "x: is a number of 1000 characters"},
		{"a.json", object(`"a": {"enum": [-1, 9223372036854775808]}`), "9223372036854775808 is beyond the whole numbers of Go"},
		{"a.json", object(`"a": {"type": "integer", "enum": [1.5]}`), "1.5 is no whole number"},
		{"a.json", object(`"a": {"type": "number", "enum": [9007199254740993]}`), "9007199254740993 is beyond the whole numbers of Go"},
		{"a.json", object(`"a": {"enum": [1.5, 1e400]}`), "1e400 is beyond all numbers of Go"},
	} {
		_, err := model.Parse(tt.file, []byte(tt.text), false)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), tt.file+":") {
			t.Errorf("%s %s:\n got %v\nwant %s", tt.file, tt.text, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	}
}

// TestModels shows for one thing that a schema can say what becomes of it.
func TestModels(t *testing.T) {
	object := func(properties string) string { return `{"type": "object", "properties": {` + properties + `}}` }
	entity := `"Entity": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}`
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{"an id is a number", "a.json", `{"id": 42, "status": "NEW"}`, []string{"return strconv.FormatInt(m.ID, 10) }", `import "strconv"`}},
		{"an id is a number that must be there", "a.json", `{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "currency": {"type": "string"}}}`,
			[]string{"if m.ID == nil {\n\t\treturn \"\"\n\t}\n\treturn strconv.FormatInt(*m.ID, 10)\n}"}},
		{"an id is a number of 32 bits", "a.json", `{"type": "object", "required": ["orderId"], "properties": {"orderId": {"type": "integer", "format": "int32", "minimum": 1}}}`,
			[]string{"return strconv.FormatInt(int64(m.OrderID), 10) }"}},
		{"an id can be null", "a.avsc", `{"type": "record", "name": "R", "fields": [{"name": "id", "type": ["null", "string"]}]}`, []string{"return *m.ID\n}"}},
		{"nothing is an id", "a.json", `{"status": "NEW", "currency": "EUR"}`, []string{`Key() string { return "" }`}},

		{"two types have a base", "a.json", `{"allOf": [{"$ref": "#/$defs/Entity"}], "properties": {"by": {"$ref": "#/$defs/Customer"}, "for": {"$ref": "#/$defs/Customer"}},
			"$defs": {` + entity + `, "Customer": {"allOf": [{"$ref": "#/$defs/Entity"}, {"properties": {"name": {"type": "string"}}}]}}}`,
			[]string{"By  *OrderCustomer", "For *OrderCustomer", "ID  string", "type OrderCustomer struct {\n\tID   string `json:\"id\" validate:\"required\"`\n\tName"}},
		{"two bases have a base", "a.json", `{"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}], "$defs": {` + entity + `,
			"A": {"allOf": [{"$ref": "#/$defs/Entity"}], "properties": {"a": {"type": "string"}}}, "B": {"allOf": [{"$ref": "#/$defs/Entity"}], "properties": {"b": {"type": "string"}}}}}`,
			[]string{"ID string", "A  string", "B  string"}},
		{"a base does not give its name", "a.json", `{"properties": {"buyer": {"allOf": [{"$ref": "#/$defs/Entity"}, {"properties": {"vip": {"type": "boolean"}}}]}}, "$defs": {` + entity + `}}`,
			[]string{"Buyer *OrderBuyer"}},
		{"the root refers", "a.json", `{"$ref": "#/definitions/Order", "definitions": {"Order": {"type": "object", "properties": {"qty": {"type": "integer"}}}}}`, []string{"Qty *int64"}},
		{"the root combines", "a.json", `{"allOf": [{"type": "object", "properties": {"id": {"type": "string"}}}, {"properties": {"n": {"type": "integer"}}}]}`, []string{"ID string", "N  *int64"}},
		{"a message has a list called allOf", "a.json", `{"allOf": [{"a": 1}], "id": "1"}`, []string{"AllOf []OrderAllOf"}},
		{"a reference is escaped", "a.json", `{"properties": {"a": {"$ref": "#/$defs/Order%20Line"}, "b": {"$ref": "#/$defs/x~1y%7E0z"}},
			"$defs": {"Order Line": ` + object(`"sku": {"type": "string"}`) + `, "x/y~z": ` + object(`"sku": {"type": "string"}`) + `}}`, []string{"A *OrderLine", "B *OrderXYZ"}},

		{"names of Go and of the service are taken", "a.avsc", `{"type": "record", "name": "Message", "doc": "a ` + "`back`" + ` quote", "fields": [
			{"name": "validate", "type": "string"}, {"name": "Validate", "type": "string"}, {"name": "ID", "type": "string"}, {"name": "id", "type": "int"}, {"name": "Id", "type": "long"},
			{"name": "time", "type": {"type": "record", "name": "Time", "fields": [{"name": "key", "type": "string"}, {"name": "Key", "type": "string"}]}}]}`,
			[]string{"ValidateField  string", "ValidateField2 string", "ID2", "ID3", "type OrderTime struct {", "Key2 "}},
		{"names differ by their case, after a byte order mark", "a.json", "\ufeff" + object(`"ID": {"type": "string"}, "id": {"type": "integer"}, "Id": {"type": "number"}, "Time": {"type": "object", "properties": {"a": {"type": "string"}}}, "time": {"type": "string", "format": "date-time"}`),
			[]string{"ID ", "ID2 ", "ID3 ", "Time ", "Time2 "}},

		{"a number keeps its digits", "a.json", object(`"e": {"type": "integer", "enum": [9007199254740993, 1]}`), []string{"oneof=9007199254740993 1", `{"e": 9007199254740993}`}},
		{"a limit keeps its digits", "a.json", object(`"n": {"type": "integer", "minimum": 9007199254740993}`), []string{"min=9007199254740993", `{"n": 9007199254740993}`, `{"n": 9007199254740992}`}},
		{"an object is empty", "a.json", `{"meta": {}, "list": [{}], "full": [{}, {"a": 1}]}`, []string{"Meta map[string]any", "List []map[string]any", "Full []OrderFull"}},
		{"only nothing is allowed", "a.json", `{"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 0}}}`, []string{`validate:"max=0"`, `{"a": ""}`}},
		{"values have commas and spaces", "a.json", object(`"a": {"enum": ["new", "in progress", "a,b", "c|d"]}`), []string{"oneof=new 'in progress' a0x2Cb c0x7Cd", "body.a: must be one of new, in progress, a,b, c|d\n"}},

		{"more fields have a type", "a.json", `{"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}}`, []string{"// Not checked: what the schema says with additionalProperties.\ntype Order struct"}},
		{"a body has limits", "a.json", `{"properties": {"a": {"type": "string"}}, "minProperties": 1}`, []string{"// Not checked: what the schema says with minProperties.\ntype Order struct"}},
		{"a time has limits", "a.json", object(`"t": {"type": "string", "format": "date-time", "enum": ["2026-05-01T00:00:00Z"], "maxLength": 20}`),
			[]string{"// Not checked: which values are allowed.\n\t// Not checked: what the schema says with maxLength.\n\tT *time.Time", `{"t": "2026-05-01T00:00:00Z"}`}},
		{"bytes have limits", "a.json", object(`"b": {"type": "string", "format": "byte", "maxLength": 8, "const": "AQID"}`), []string{"// Not checked: which values are allowed.\n\t// Not checked: what the schema says with maxLength.\n\tB []byte"}},
		{"a format has no rule", "a.json", object(`"t": {"type": "string", "format": "time"}, "d": {"type": "string", "format": "duration"}`), []string{"// Not checked: the format time.\n\tT string", "// Not checked: the format duration.\n\tD string"}},
		{"a choice is too long for a tag", "a.json", object(`"e": {"enum": [0` + manyNumbers(1000) + `]}`), []string{"// Not checked: which values are allowed.\n\tE *int64 `json:\"e,omitempty\"`"}},
	} {
		m := declared(t, tt.file, tt.text, false)
		if err := holds(m); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		got := shown(t, tt.file, tt.text, false)
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: want %s in\n%s", tt.name, want, got)
			}
		}
	}
}

// TestAvroHasEmptyTexts proves that a text of an Avro message may be empty, and
// still has to keep the rules that it has.
func TestAvroHasEmptyTexts(t *testing.T) {
	got := shown(t, "a.avsc", `{"type": "record", "name": "R", "fields": [{"name": "note", "type": "string"}, {"name": "key", "type": {"type": "string", "logicalType": "uuid"}}]}`, true)
	for _, want := range []string{"`json:\"note\" avro:\"note\"`", `validate:"uuid"`, "empty key: body.key: must be a UUID"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %s in\n%s", want, got)
		}
	}
	_, err := model.Parse("a.json", []byte(`{"meta": {}}`), true)
	if err == nil || !strings.Contains(err.Error(), "meta: Avro wants a type") {
		t.Errorf("an empty object: %v", err)
	}
}
