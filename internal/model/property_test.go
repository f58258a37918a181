package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/model"
)

// TestSchemasOfTestdata proves of the schemas that people may write what the
// properties prove of any.
func TestSchemasOfTestdata(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	avsc, _ := filepath.Glob("testdata/*.avsc")
	read := 0
	for _, file := range append(files, avsc...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, avro := range []bool{false, true} {
			m, err := model.Parse(file, text, avro)
			if err != nil {
				continue // the golden files have the reasons
			}
			read++
			m.Declare("Order", make(map[string]bool))
			if err := holds(m); err != nil {
				t.Errorf("%s, avro %v: %v", file, avro, err)
			}
		}
	}
	if read < 4 {
		t.Errorf("only %d models were made", read)
	}
}

// names are hard to make names of Go of, and legal in JSON.
var names = rapid.OneOf(
	rapid.SampledFrom([]string{"id", "ID", "Id", "user_id", "userId", "userID", "type", "func", "key", "Topic", "message_type", "schema", "größe", "名前",
		"2fa", "_", "__a", "a b", "a-b", "$ref", "ORDER_ID", "urls", "html_url", "x.y", "string", "error", "Order", "time", "big", "é", "ÀB", "validate"}),
	rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_]{0,8}`),
)

// avroNames are those that Avro allows.
var avroNames = rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_]{0,6}`)

// docs have what a comment of Go could stumble over.
var docs = rapid.OneOf(
	rapid.SampledFrom([]string{"", "plain", "*/ /* //", "a\nb\n\n  c", "nolint: all", "Deprecated: no", "# heading", "- item\n- item", "\u202e", "go:build x", strings.Repeat("long ", 60), "`", "1. a\n2. b", "+build x", "[link]: x"}),
	rapid.String(),
)

// schemas makes schemas of one language, with types that are named once.
type schemas struct {
	t     *rapid.T
	named int
	from  int // the definitions from this one on can be referred to
}

func (s *schemas) coin(label string) bool { return rapid.Bool().Draw(s.t, label) }
func (s *schemas) upTo(n int, label string) int {
	return rapid.IntRange(0, n).Draw(s.t, label)
}

func (s *schemas) avro(depth int) any {
	kind := s.upTo(16, "kind")
	if depth == 0 && kind > 12 {
		kind = 0
	}
	name := func() string { s.named++; return avroNames.Draw(s.t, "name") + strconv.Itoa(s.named) }
	logical := func(typ, logical string) any { return map[string]any{"type": typ, "logicalType": logical} }
	switch kind {
	case 0, 1, 2, 3, 4, 5, 6:
		return []any{"boolean", "int", "long", "float", "double", "bytes", "string"}[kind]
	case 7:
		return logical("string", "uuid")
	case 8:
		return logical("long", rapid.SampledFrom([]string{"timestamp-millis", "timestamp-micros", "local-timestamp-micros", "time-micros", "date", "nothing"}).Draw(s.t, "logical"))
	case 9:
		return logical("int", rapid.SampledFrom([]string{"date", "time-millis"}).Draw(s.t, "logical"))
	case 10:
		scale := s.upTo(4, "scale")
		return map[string]any{"type": "bytes", "logicalType": "decimal", "precision": scale + 1 + s.upTo(3, "digits"), "scale": scale}
	case 11:
		return map[string]any{"type": "fixed", "name": name(), "size": 1 + s.upTo(40, "size")}
	case 12:
		return map[string]any{"type": "enum", "name": name(), "symbols": rapid.SliceOfNDistinct(avroNames, 1, 4, rapid.ID[string]).Draw(s.t, "symbols")}
	case 13:
		return map[string]any{"type": "array", "items": s.nullable(depth - 1)}
	case 14:
		return map[string]any{"type": "map", "values": s.nullable(depth - 1)}
	default:
		return s.record(name(), depth-1)
	}
}

func (s *schemas) nullable(depth int) any {
	t := s.avro(depth)
	if s.coin("null") {
		return []any{"null", t}
	}
	return t
}

func (s *schemas) record(name string, depth int) any {
	fields := []any{}
	for _, f := range rapid.SliceOfNDistinct(avroNames, 0, 5, rapid.ID[string]).Draw(s.t, "fields") {
		fields = append(fields, map[string]any{"name": f, "type": s.nullable(depth), "doc": docs.Draw(s.t, "doc")})
	}
	return map[string]any{"type": "record", "name": name, "fields": fields, "doc": docs.Draw(s.t, "doc")}
}

func (s *schemas) json(depth int) any {
	word := map[string]any{}
	maybe := func(name string, value any) {
		if s.coin(name) {
			word[name] = value
		}
	}
	kind := s.upTo(11, "kind")
	if depth <= 0 && kind > 6 {
		kind = 0
	}
	switch kind {
	case 0:
		word["type"] = "string"
		maybe("minLength", s.upTo(4, "min"))
		maybe("maxLength", s.upTo(9, "max"))
	case 1:
		word["type"] = "string"
		word["format"] = rapid.SampledFrom([]string{"email", "uuid", "date", "date-time", "uri", "hostname", "ipv4", "ipv6", "byte", "time", "nothing"}).Draw(s.t, "format")
		maybe("maxLength", 36)
	case 2, 3:
		word["type"] = []string{"integer", "number"}[kind-2]
		maybe(rapid.SampledFrom([]string{"minimum", "exclusiveMinimum"}).Draw(s.t, "low word"), numbers.Draw(s.t, "low"))
		maybe(rapid.SampledFrom([]string{"maximum", "exclusiveMaximum"}).Draw(s.t, "high word"), numbers.Draw(s.t, "high"))
		maybe("multipleOf", 1+s.upTo(3, "step"))
	case 4:
		word["type"] = "boolean"
	case 5:
		word["enum"] = rapid.SliceOfNDistinct(rapid.OneOf(rapid.SampledFrom([]string{"a b", "it's", "a,b", "a|b", "", "`", "\"", "\\", "0x2C", "ü", "\n", "$", "#"}), rapid.StringN(0, 6, -1)), 1, 4, rapid.ID[string]).Draw(s.t, "enum")
	case 6:
		word["enum"] = rapid.SliceOfNDistinct(numbers, 1, 3, rapid.ID[json.Number]).Draw(s.t, "enum")
	case 7:
		word["type"], word["items"] = "array", s.json(depth-1)
		maybe("minItems", s.upTo(3, "min"))
		maybe("maxItems", 1+s.upTo(4, "max"))
		maybe("uniqueItems", true)
	case 8:
		word["type"], word["additionalProperties"] = "object", s.json(depth-1)
	case 9:
		return s.reference()
	case 10:
		return map[string]any{"allOf": []any{s.reference(), s.object(depth - 1)}}
	default:
		return s.object(depth - 1)
	}
	maybe("description", docs.Draw(s.t, "description"))
	maybe("nullable", true)
	return word
}

// numbers are some that Go's types have room for, and some that they have not.
var numbers = rapid.Custom(func(t *rapid.T) json.Number {
	if rapid.IntRange(0, 4).Draw(t, "large") > 0 {
		return json.Number(strconv.FormatFloat(float64(rapid.IntRange(-10, 10).Draw(t, "halves"))/2, 'f', -1, 64))
	}
	return json.Number(rapid.SampledFrom([]string{"9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "18446744073709551616", "1e18", "1e300", "1e400", "-0", "0.1", "1e-400", "123456789012345678901234567890"}).Draw(t, "literal"))
})

// definitions are the names of what can be referred to, and how a reference
// says them.
var definitions = [][2]string{{"Base", "Base"}, {"Order Line", "Order%20Line"}, {"a/b~c", "a~1b~0c"}, {"名前", "名前"}, {"größe", "gr%C3%B6%C3%9Fe"}, {"100%", "100%25"}}

// reference refers to a definition. Each refers only to those behind it, so that
// none is inside of itself.
func (s *schemas) reference() any {
	if s.from == len(definitions) {
		return map[string]any{}
	}
	return map[string]any{"$ref": "#/$defs/" + definitions[rapid.IntRange(s.from, len(definitions)-1).Draw(s.t, "definition")][1]}
}

// document is a JSON Schema with its definitions.
func (s *schemas) document() any {
	root := s.object(3)
	described := map[string]any{}
	for i, name := range definitions {
		s.from = i + 1
		described[name[0]] = s.object(1)
	}
	root["$defs"] = described
	if s.coin("says so") {
		root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	}
	return root
}

func (s *schemas) object(depth int) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, name := range rapid.SliceOfNDistinct(names, 0, 6, rapid.ID[string]).Draw(s.t, "properties") {
		properties[name] = s.json(depth)
		if s.coin("required") {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": s.coin("more")}
}

func (s *schemas) message(depth int) any {
	switch s.upTo(9, "kind") {
	case 0:
		return nil
	case 1:
		return s.coin("value")
	case 2:
		return rapid.OneOf(rapid.Map(rapid.Int64(), func(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }), numbers).Draw(s.t, "number")
	case 3:
		return rapid.Float64().Draw(s.t, "number")
	case 4:
		return rapid.SampledFrom([]string{"2026-01-02", "2026-01-02T03:04:05+01:00", "0192f0c1-0000-7000-8000-000000000001", "ada@example.com", ""}).Draw(s.t, "text")
	case 5, 6:
		return rapid.String().Draw(s.t, "text")
	case 7:
		list := []any{}
		for range s.upTo(3, "items") * min(depth, 1) {
			list = append(list, s.message(depth-1))
		}
		return list
	default:
		fields := map[string]any{}
		for _, name := range rapid.SliceOfNDistinct(names, 0, 5*min(depth, 1), rapid.ID[string]).Draw(s.t, "fields") {
			fields[name] = s.message(depth - 1)
		}
		return fields
	}
}

// TestAnySchema proves that a schema is refused with its file and a reason in
// one line, or gives a model that compiles, takes the messages made from it, and
// refuses those that are not right.
func TestAnySchema(t *testing.T) {
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		s := &schemas{t: t}
		file := rapid.SampledFrom([]string{"a.avsc", "schema.json", "message.json"}).Draw(t, "file")
		var tree any
		switch file {
		case "a.avsc":
			tree = s.record("R", 3)
		case "schema.json":
			tree = s.document()
		default:
			tree = s.message(3)
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		wasRead, err := refusedOrHolds(file, text, s.coin("avro"))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if wasRead {
			read++
		}
	})
	t.Logf("%d were read", read)
	if read == 0 {
		t.Error("every schema was refused")
	}
}

func refusedOrHolds(file string, text []byte, avro bool) (read bool, err error) {
	m, err := model.Parse(file, text, avro)
	if err != nil {
		if !strings.HasPrefix(err.Error(), file+":") || strings.Contains(err.Error(), "\n") {
			return false, err
		}
		return false, nil
	}
	m.Declare("Order", make(map[string]bool))
	if file == "message.json" {
		if err := keepsAll(m); err != nil {
			return true, err
		}
	}
	return true, holds(m)
}

// FuzzParse proves it of whatever is in a file.
func FuzzParse(f *testing.F) {
	avsc, _ := filepath.Glob("testdata/*.avsc")
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range append(files, avsc...) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Ext(file) == ".avsc", string(text), true)
		f.Add(filepath.Ext(file) == ".avsc", string(text), false)
	}
	f.Fuzz(func(t *testing.T, isAvro bool, text string, avro bool) {
		file := "a.json"
		if isAvro {
			file = "a.avsc"
		}
		if _, err := refusedOrHolds(file, []byte(text), avro); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	})
}
