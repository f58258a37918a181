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
		{"a.avsc", record(`{"name": "a", "type": "null"}`), "always null"},
		{"a.avsc", record(`{"name": "a"}`), "fields[0]: has no type"},
		{"a.avsc", record(`{"name": "a", "type": "int"}, {"name": "a", "type": "int"}`), `fields[1].name: a field "a" is there already`},
		{"a.avsc", record(`{"name": "a", "name": "b", "type": "int"}`), `fields[0]: "name" is there twice`},
		{"a.avsc", record(`{"name": "a", "type": ["int", "string"]}`), "a union of 2 types besides null"},
		{"a.avsc", record(`{"name": "a", "type": ["null", "R"]}`), `fields[0].type[1]: "R" is inside of itself`},
		{"a.avsc", record(`{"name": "a", "type": {"type": "fixed", "name": "F"}}`), "has no size"},
		{"a.avsc", record(`{"name": "a", "type": {"type": "fixed", "name": "F", "size": 99999}}`), "1 to 4096 bytes"},
		{"a.avsc", record(`{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["a", "a"]}}`), `the symbol "a" is there already`},
		{"a.avsc", record(`{"name": "a", "type": {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}}`), "the scale 3 is more than the precision 2"},
		{"a.json", `[]`, "a.json:1:1: a message is an object, and this is a list"},
		{"a.json", `{"header": {}, "body": 1}`, "a.json:1:24: body: the body of a message is an object, and this is a number"},
		{"a.json", `{"header": {"messageType": "a b"}, "body": {}}`, `header.messageType: "a b" is no type of messages`},
		{"a.json", `{"$schema": "x", "type": "string"}`, "the body of a message has fields"},
		{"a.json", object(`"a": {"type": "strng"}`), `properties.a.type: "strng" is no type of JSON Schema`},
		{"a.json", object(`"a": {"type": ["string", "number"]}`), "2 types are no type of Go"},
		{"a.json", object(`"a": {"anyOf": [{"type": "string"}, {"type": "number"}]}`), "2 alternatives are no type of Go"},
		{"a.json", object(`"a": {"$ref": "#/$defs/b"}`), `there is no "$defs"`},
		{"a.json", object(`"a": {"$ref": "other.json"}`), `"other.json" is not in this file`},
		{"a.json", object(`"a": {"$ref": "#"}`), `"#" is inside of itself`},
		{"a.json", object(`"a": {"minimum": 5, "maximum": 4}`), "allows no number"},
		{"a.json", object(`"a": {"type": "string", "minLength": 5, "maxLength": 4}`), "at least 5 and at most 4 long"},
		{"a.json", object(`"a": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 3}`), "wants 3 items"},
		{"a.json", object(`"a": {"type": "array", "minItems": 100000}`), "more than 10000"},
		{"a.json", object(`"a": {"enum": []}`), "allows no value"},
		{"a.json", object(`"a": {"enum": [1, "a"]}`), "among others that are not"},
		{"a.json", object(`"a,b": {"type": "string"}`), `properties["a,b"]: a field of Go cannot be called "a,b" in JSON`},
		{"a.json", object(`"": {"type": "string"}`), `cannot be called "" in JSON`},
		{"a.json", object(`"a": false`), "no value is allowed here"},
		{"a.json", `{"type": "object", "properties": {}, "required": ["a"]}`, `"a" is required, but nothing says what it is`},
		{"a.json", `{"$schema": "x", "allOf": [{"type": "object"}, {"type": "array"}]}`, "type is said twice"},
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
