package model_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// bodies are schemas with bodies that their models take and that they do not, and
// what the comments say of rules that nothing checks.
var bodies = map[string]struct {
	schema         string
	good, bad, say []string
}{
	"null is no item": {
		`{"properties": {"n": {"type": "array", "items": {"type": "integer"}}, "m": {"type": "object", "additionalProperties": {"type": "string"}},
			"o": {"type": "array", "items": {"type": ["integer", "null"]}}, "p": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}}}}`,
		[]string{`{"n": [1], "m": {"a": ""}, "o": [null, 1], "p": [{"a": null}]}`, `{}`}, []string{`{"n": [1, null]}`, `{"m": {"a": null}}`, `{"p": [null]}`}, nil,
	},
	"an optional text has rules": {
		`{"properties": {"a": {"type": "string", "minLength": 3}, "b": {"type": "string", "format": "uuid"}, "c": {"enum": ["x", "y"]}, "d": {"type": "string", "format": "date"},
			"e": {"enum": ["", "x"]}, "f": {"type": "string", "maxLength": 2}, "g": {"const": "v1"}}}`,
		[]string{`{}`, `{"a": "abc", "c": "x", "d": "2026-01-02", "e": "", "f": "", "g": "v1"}`}, []string{`{"a": ""}`, `{"b": ""}`, `{"c": ""}`, `{"d": ""}`, `{"a": "ab"}`, `{"e": "y"}`, `{"g": "v2"}`, `{"g": ""}`}, nil,
	},
	"an optional list, map or number has rules": {
		`{"properties": {"l": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string"}}, "m": {"type": "object", "minProperties": 1}, "n": {"type": "integer", "minimum": 5},
			"x": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 2}, "y": {"const": 0}, "b": {"const": true}}}`,
		[]string{`{}`, `{"l": ["a"], "m": {"a": 1}, "n": 5, "x": 1.5, "y": 0, "b": true}`},
		[]string{`{"l": []}`, `{"l": ["a", "a"]}`, `{"m": {}}`, `{"n": 0}`, `{"x": 0}`, `{"x": 2}`, `{"y": 1}`, `{"b": false}`}, nil,
	},
	"draft 4 has limits that are open": {
		`{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"x": {"type": "number", "minimum": 0, "exclusiveMinimum": true}, "y": {"type": "integer", "maximum": 9, "exclusiveMaximum": false}}}`,
		[]string{`{"x": 0.1, "y": 9}`}, []string{`{"x": 0}`, `{"y": 10}`}, nil,
	},
	"what is closed is not all closed": {
		`{"additionalProperties": false, "properties": {"a": {"properties": {"b": {}}}, "c": {"additionalProperties": false, "properties": {"d": {}}}}}`,
		[]string{`{"a": {"x": 1}}`}, nil, []string{"Not checked: that it has no other fields.\ntype Order struct", "Not checked: that it has no other fields.\ntype OrderC struct"},
	},
	"all is closed": {
		`{"additionalProperties": false, "properties": {"c": {"unevaluatedProperties": false, "properties": {"d": {}}}, "e": {"additionalProperties": false}}}`,
		[]string{`{"c": {"d": 1}, "e": {}}`}, []string{`{"x": 1}`, `{"c": {"x": 1}}`, `{"e": {"x": 1}}`}, nil,
	},
	"it must be there, and may be null": {
		`{"required": ["a", "b", "c", "d"], "properties": {"a": {"type": ["string", "null"]}, "b": {}, "d": {"type": ["string", "boolean"]}}}`,
		[]string{`{"a": null, "b": null, "c": 1, "d": true}`, `{"d": ""}`}, []string{`{"a": 1, "d": true}`, `{"a": "", "b": 1, "c": 1}`, `{"d": null}`},
		[]string{"may be null.\n\tA *string", "may be null.\n\tB any", "may be null.\n\tC any", "Not checked: that it is a string or true or false.\n\tD any"},
	},
	"null is a type and no value": {
		`{"properties": {"a": {"type": ["string", "null"], "enum": ["x"]}, "b": {"type": "null"}, "c": {"type": ["string", "null"], "enum": ["x", null]}, "d": {"enum": [null]}}}`,
		[]string{`{"a": "x", "b": null, "c": null, "d": null}`}, []string{`{"c": "y"}`}, []string{"Not checked: that it is null.\n\tB any", "Not checked: that it is null.\n\tD any"},
	},
	"numbers are beyond int64": {
		`{"required": ["u"], "properties": {"u": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615}, "v": {"type": "integer", "maximum": 1e30}, "w": {"enum": [18446744073709551615, 1]},
			"x": {"type": "integer", "format": "uint64"}, "y": {"type": "integer", "minimum": -1e30, "maximum": 0.5}}}`,
		[]string{`{"u": 18446744073709551615, "v": 9223372036854775807, "w": 18446744073709551615, "x": 18446744073709551615, "y": 0}`, `{"u": 0}`},
		[]string{`{}`, `{"u": -1}`, `{"u": 18446744073709551616}`, `{"u": 1, "w": 2}`, `{"u": 1, "y": 1}`},
		[]string{"The schema has numbers to 1e30; those above 9223372036854775807 are\n\t// refused.", "The schema has numbers from -1e30; those below -9223372036854775808 are\n\t// refused."},
	},
	"keys match patterns": {
		`{"properties": {"m": {"patternProperties": {"^S_": {"type": "string"}}}, "n": {"patternProperties": {"^S_": {"type": "string"}}, "additionalProperties": false},
			"o": {"patternProperties": {"^S_": {"type": "string"}}, "additionalProperties": {"type": "integer"}}}}`,
		[]string{`{"m": {"S_a": "x", "other": 1}, "n": {"S_a": "x"}, "o": {"S_a": "x", "n": 1}}`}, []string{`{"n": {"S_a": 1}}`},
		[]string{"M map[string]any", "N map[string]string", "Not checked: what the schema says with additionalProperties.\n\tO map[string]any"},
	},
	"rules that nothing checks": {
		`{"dependentRequired": {"a": ["b"]}, "if": {}, "then": {}, "maxProperties": 3, "properties": {"a": {"type": "string", "pattern": "^x", "not": {"const": "xy"}}, "b": {"type": "array", "contains": {"const": 1}, "minContains": 2, "unevaluatedItems": false},
			"c": {"type": "object", "propertyNames": {"maxLength": 3}}, "d": {"type": "number", "multipleOf": 0.1}, "e": {"minLength": 3}, "f": false, "g": {"type": ["string", "array"], "minLength": 2, "minItems": 1},
			"h": {"enum": ["a", 1, {"b": 2}]}, "i": {"const": {"a": 1}}, "j": {"type": "array", "prefixItems": [{"type": "string"}]}, "k": {"type": "array", "items": [{"type": "string"}], "additionalItems": false}, "l": {"type": "string", "format": "regex"},
			"m": {"type": "object", "required": ["x"]}, "n": {"type": "object", "properties": {"x": {}}, "additionalProperties": {"type": "string"}}}}`,
		[]string{`{"a": "y", "b": [2], "c": {"long": 1}, "d": 0.15, "g": [], "h": "b", "i": 2, "j": [1], "k": [1, 2], "l": "(", "m": {"y": 1}}`}, nil,
		[]string{"with dependentRequired.", "with if.", "with maxProperties.", "Not checked: pattern ^x\n\t", "with not.\n", "with contains.", "with minContains.", "with unevaluatedItems.", "with propertyNames.", "multiple of 0.1.",
			"Taken for a string: the schema does not say that it is one.", "that there is no f.", "that it is a string or a list.", "with minLength.", "with minItems.", "which values are allowed.\n\tH any", "which values are allowed.\n\tI any",
			"with prefixItems.\n\tJ []any", "with additionalItems.\n\tK []any", "the format regex.", "with required.\n\tM map[string]any", "with additionalProperties.\n\tN *OrderN"},
	},
	"alternatives": {
		`{"properties": {"a": {"type": "string"}, "b": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, "c": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
			"d": {"type": "string", "anyOf": [{"pattern": "^a"}, {"pattern": "^b"}]}, "e": {"anyOf": [{"enum": ["a", "b"]}, {"const": "c"}, {"type": "null"}]}},
			"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}`,
		[]string{`{}`, `{"a": "", "b": "x", "c": 1.5, "d": "c", "e": null}`, `{"b": ["x"], "e": "c"}`}, []string{`{"e": "d"}`, `{"c": "1"}`},
		[]string{"with anyOf.\ntype Order struct", "Not checked: that it is a string or a list.", "B any", "C *float64", "with anyOf.\n\tD string"},
	},
	"alternatives are objects": {
		`{"oneOf": [{"$ref": "#/$defs/opened"}, {"$ref": "#/$defs/closed"}], "$defs": {"opened": {"type": "object", "required": ["action", "number"], "properties": {"action": {"const": "opened"}, "number": {"type": "integer"}, "by": {"type": "string"}}},
			"closed": {"type": "object", "required": ["action", "number"], "properties": {"action": {"const": "closed"}, "number": {"type": "integer"}, "by": {"type": "integer"}, "why": {"type": "object", "properties": {"text": {"type": "string"}}}}}}}`,
		[]string{`{"action": "opened", "number": 1, "by": "x"}`, `{"action": "closed", "number": 0, "by": 1, "why": {"text": "x"}}`}, []string{`{"action": "moved", "number": 1}`, `{"action": "opened"}`},
		[]string{"with oneOf.\ntype Order struct", "Not checked: that it is a string or a whole number.\n\tBy any", "Why *Order"},
	},
	"it has itself inside": {
		`{"required": ["name"], "properties": {"name": {"type": "string"}, "left": {"$ref": "#"}, "right": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "all": {"type": "array", "items": {"$ref": "#"}},
			"by": {"type": "object", "additionalProperties": {"$ref": "#/$defs/part"}}, "any": {"$ref": "#/$defs/value"}},
			"$defs": {"part": {"type": "object", "required": ["whole"], "properties": {"whole": {"$ref": "#"}}}, "value": {"type": "array", "items": {"$ref": "#/$defs/value"}}}}`,
		[]string{`{"name": "a", "left": {"name": "b", "right": null, "all": [{"name": "c"}], "by": {"x": {"whole": {"name": "d"}}}}, "any": [[], [[]]]}`}, []string{`{"name": "a", "left": {}}`, `{"name": "a", "all": [{"name": "b", "all": [{}]}]}`},
		[]string{"Left *Order", "All []Order ", "Not checked: what is in it, which is the same again."},
	},
	"it is said twice": {
		`{"properties": {"n": {"allOf": [{"type": "number", "minimum": 0}, {"type": "integer", "minimum": 5}]}, "p": {"type": "string", "pattern": "^a", "allOf": [{"pattern": "b$"}]}, "q": {"$ref": "#/$defs/q", "maxLength": 3}}, "$defs": {"q": {"type": "string", "maxLength": 9}},
			"allOf": [{"properties": {"n": {"maximum": 9}}}]}`,
		[]string{`{"n": 5, "p": "x", "q": "abc"}`, `{"n": 20}`}, []string{`{"n": -1}`, `{"n": 1.5}`, `{"q": "abcd"}`},
		[]string{"a second time with minimum.", "a second time with pattern.", "a second time with maxLength.", "what the schema says of n a second time."},
	},
	"alternatives lead back": {
		`{"$ref": "#/$defs/Foo", "$defs": {"Foo": {"type": "object", "properties": {"bar": {"$ref": "#/$defs/Bar"}}},
			"Bar": {"type": "object", "required": ["foo"], "properties": {"foo": {"oneOf": [{"$ref": "#/$defs/Foo"}, {"type": "array", "items": {"$ref": "#/$defs/Foo"}}]}}}}}`,
		[]string{`{"bar": {"foo": [{}]}}`, `{"bar": {"foo": {"bar": {"foo": []}}}}`}, []string{`{"bar": {}}`}, []string{"Foo any"},
	},
	"it is referred to by id and by anchor": {
		`{"$id": "https://ex.example/schemas/s.json", "properties": {"a": {"$ref": "https://ex.example/schemas/s.json#/$defs/A"}, "b": {"$ref": "s.json#here"}, "c": {"$ref": "#here"}, "d": {"$ref": "parts/b.json"}, "e": {"$ref": "https://ex.example/schemas/parts/b.json#in"},
			"f": {"$ref": "#/properties/g/items/0"}, "g": {"items": [{"type": "integer"}]}, "h": {"$dynamicRef": "#here"}},
			"$defs": {"A": {"$anchor": "here", "type": "integer"}, "B": {"$id": "parts/b.json", "type": "string", "$defs": {"in": {"$anchor": "in", "type": "boolean"}}}}}`,
		[]string{`{"a": 1, "b": 1, "c": 1, "d": "x", "e": true, "f": 1, "h": 1}`}, []string{`{"a": ""}`, `{"b": ""}`, `{"c": ""}`, `{"d": 1}`, `{"e": 1}`, `{"f": ""}`, `{"h": ""}`}, nil,
	},
	"an old draft has ids as anchors, and nothing beside a reference": {
		`{"$schema": "http://json-schema.org/draft-07/schema#", "$id": "http://ex.example/root.json", "properties": {"a": {"$ref": "#foo", "minimum": 5, "description": "Stays here."}, "b": {"$ref": "other.json"}},
			"definitions": {"A": {"$id": "#foo", "type": "integer"}, "B": {"$id": "other.json", "type": "string"}}}`,
		[]string{`{"a": 1, "b": "x"}`}, []string{`{"a": ""}`, `{"b": 1}`}, []string{"// Stays here.\n", "Not checked: minimum, which stands beside $ref: drafts before 2019-09"},
	},
	"it has no fields": {`{"type": "object", "additionalProperties": false}`, []string{`{}`}, []string{`{"a": 1}`, `[]`}, nil},
	"it has any":       {`{"type": "object"}`, []string{`{}`, `{"a": 1}`}, []string{`[]`}, []string{"The schema describes no fields, so that none are read."}},
	"words are kept": {
		`{"description": "Line one of it.\nnolint is quoted.", "properties": {"a": {"type": "string", "description": "Lines and exports: go:embed, TODO, output.", "deprecated": true}, "b": {"$ref": "#/$defs/B", "description": "Deprecated: use a."},
			"c": {"$ref": "#/$defs/C"}}, "$defs": {"B": {"type": "object", "deprecated": true, "description": "What it is.", "properties": {"x": {"type": "string"}}}, "C": {"type": "string", "description": "A name."}}}`,
		[]string{`{}`}, nil, []string{"// Line one of it.\n//\n// “nolint” is quoted.\ntype Order", "// Lines and exports: go:embed, TODO, output.\n\t//\n\t// Deprecated: the schema says so.\n\tA string", "\t// Deprecated: use a.\n\tB *OrderB",
			"// What it is.\n//\n// Deprecated: the schema says so.\ntype OrderB", "// A name.\n\tC string"},
	},
}

// TestBodies proves of what schemas say that it holds where a service reads its
// messages, or that a comment says that it is not checked.
func TestBodies(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	p := &program{dir: t.TempDir(), files: make(map[string]string)}
	for name, tt := range bodies {
		m := declared(t, "a.json", tt.schema, false)
		if err := holds(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tt.say {
			if text := source(t, m); !strings.Contains(withoutSpaces(text), withoutSpaces(want)) {
				t.Errorf("%s: want %q in\n%s", name, want, text)
			}
		}
		p.model(t, name, m)
	}
	p.read(t)
	var verdicts map[string][]string
	if err := json.Unmarshal(p.run(t), &verdicts); err != nil {
		t.Fatal(err)
	}
	for name, tt := range bodies {
		said := verdicts[name]
		for i, body := range append(append([]string{}, tt.good...), tt.bad...) {
			if isGood := i < len(tt.good); isGood != (said[i] == "") {
				t.Errorf("%s: %s is taken: %v, but the service says %q", name, body, isGood, said[i])
			}
		}
	}
}

// withoutSpaces has one space in the place of several, as gofmt aligns fields.
func withoutSpaces(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// read has the program read the bodies as a service does.
func (p *program) read(t *testing.T) {
	t.Helper()
	var tries strings.Builder
	for line := range strings.Lines(p.operations.String()) {
		name, model, _ := strings.Cut(strings.TrimSpace(line), ": plain(reflect.TypeFor[")
		model, _, _ = strings.Cut(model, "]")
		id, err := strconv.Unquote(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&tries, "\tall[%s] = try[%s](%#v)\n", name, model, append(append([]string{}, bodies[id].good...), bodies[id].bad...))
	}
	p.add(t, "main.go", fmt.Sprintf(`package main

import (
	"encoding/json"
	"fmt"

	%q
%s)

func try[T any](bodies []string) (said []string) {
	model, err := envelope.NewBody[T](nil)
	if err != nil {
		panic(err)
	}
	for _, text := range bodies {
		_, err := model.Read([]byte(text))
		said = append(said, "")
		if err != nil {
			said[len(said)-1] = err.Error()
		}
	}
	return said
}

func main() {
	all := map[string]any{}
%s
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
`, service+"/internal/envelope", p.imports.String(), tries.String()))
}
