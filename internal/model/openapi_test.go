package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/internal/model"
)

// described are schemas with what OpenAPI could get wrong.
var described = map[string]string{
	"numbers.json": `{"type": "object", "required": ["a", "b", "c", "d", "e"], "properties": {
		"a": {"type": "integer", "minimum": 1, "maximum": 9}, "b": {"type": "integer", "minimum": 0}, "c": {"type": "number", "exclusiveMinimum": 0.5},
		"d": {"enum": [1, 2, 9007199254740993]}, "e": {"type": "number", "enum": [1.5]}, "f": {"type": "integer", "minimum": 3}, "g": {"type": ["number", "null"], "maximum": 7}}}`,
	"texts.json": `{"type": "object", "additionalProperties": false, "required": ["a", "b", "c", "d", "e"], "properties": {
		"a": {"type": "string"}, "b": {"type": "string", "minLength": 3, "maxLength": 5}, "c": {"enum": ["x", "y"]}, "d": {"enum": ["", "in, progress"]},
		"e": {"type": "string", "format": "email"}, "f": {"type": "string", "format": "date"}, "g": {"type": "string", "minLength": 2}, "h": {"type": ["string", "null"]}}}`,
	"lists.json": `{"type": "object", "required": ["a", "b", "c"], "properties": {
		"a": {"type": "array", "minItems": 1, "items": {"type": "string", "maxLength": 4}}, "b": {"type": "array", "uniqueItems": true, "items": {"type": ["integer", "null"]}},
		"c": {"type": "object", "additionalProperties": {"type": "object", "required": ["x"], "properties": {"x": {"type": "boolean"}}}},
		"d": {"type": "array", "items": {"type": "array", "maxItems": 2, "items": {"type": "number"}}}}}`,
	"structs.json": `{"type": "object", "required": ["a", "b", "t", "u"], "properties": {
		"a": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}, "b": {"type": "object", "properties": {"x": {"type": "string"}}},
		"c": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}, "d": {}, "t": {"type": "boolean", "const": true}, "u": {"type": "boolean"}}}`,
	"truths.json": `{"type": "object", "required": ["t", "u", "n"], "properties": {
		"t": {"type": "boolean", "const": true}, "u": {"type": "boolean"}, "n": {"type": "integer", "minimum": 2}, "l": {"type": "array", "minItems": 1, "items": {"type": "string"}}}}`,
	"decimal.avsc": `{"type": "record", "name": "Paid", "namespace": "shop", "fields": [
		{"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
		{"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 4}}, {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
		{"name": "note", "type": ["null", "string"], "default": null}, {"name": "tags", "type": {"type": "map", "values": "int"}}, {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}}]}`,
	"formats.json": `{"type": "object", "required": ["a", "b", "c", "d", "e", "f", "g"], "properties": {
		"a": {"type": "string", "format": "email"}, "b": {"type": "string", "format": "uri"}, "c": {"type": "string", "format": "hostname"}, "d": {"type": "string", "format": "ipv4"},
		"e": {"type": "string", "format": "ipv6"}, "f": {"type": "string", "format": "date"}, "g": {"type": "string", "maxLength": 0}}}`,
	"names.json":   `{"id": 1, "名前": {"a": 1}, "住所": {"b": 2}, "größe": {"c": {}}, "grüße": {"d": []}}`,
	"message.json": `{"header": {"messageType": "Seen"}, "body": {"id": "1", "n": 3, "x": 1.5, "ok": true, "at": "2026-01-02T12:00:01Z", "list": [{"a": 1}], "none": null}}`,
}

const service = "github.com/ouroboros-forge/forge/template/service"

// TestOpenAPIIsWhatTheServiceFinds proves that openapi.yaml is right from the
// start where a model is made from a schema: the service's own test asks the
// structs, and so does a program that is made of them here.
func TestOpenAPIIsWhatTheServiceFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	texts := maps.Clone(described)
	for _, name := range []string{"message.json", "order.json", "order.avsc"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		texts["of testdata, "+name] = string(text)
	}
	p := &program{dir: t.TempDir(), files: make(map[string]string)}
	want := make(map[string]any)
	for name, text := range texts {
		file := strings.TrimPrefix(name, "of testdata, ")
		for _, avro := range []bool{false, true} {
			if _, err := model.Parse(file, []byte(text), avro); avro && err != nil {
				continue // not everything can be sent as Avro
			}
			m := declared(t, file, text, avro)
			id := fmt.Sprintf("%s avro=%v", name, avro)
			p.model(t, id, m)
			want[id] = withoutNotes(fromYAML(t, m.Components(0)))
		}
	}
	found := p.run(t)
	if len(found) != len(want) {
		t.Fatalf("%d models are found, want %d", len(found), len(want))
	}
	for id := range want {
		if !reflect.DeepEqual(want[id], found[id]) {
			t.Errorf("%s: openapi.yaml would say\n%v\nthe service finds\n%v", id, want[id], found[id])
		}
	}
}

// program is one that describes models, each in a package of its own. It is
// among the service's packages, although nothing is written there.
type program struct {
	dir                 string
	files               map[string]string // by the path where the compiler finds them
	imports, operations strings.Builder
}

func (p *program) add(t *testing.T, name, content string) {
	t.Helper()
	root, err := filepath.Abs("../../template/service/internal/described")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.dir, fmt.Sprintf("%d%s", len(p.files), filepath.Ext(name)))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p.files[filepath.Join(root, name)] = file
}

func (p *program) model(t *testing.T, id string, m *model.Model) {
	t.Helper()
	source, err := m.Go("orders", "OrderCreated", service, "orders")
	if err != nil {
		t.Fatal(err)
	}
	pkg := fmt.Sprintf("m%d", len(p.files))
	p.add(t, pkg+"/orders.go", string(source))
	if m.Source() != "" {
		p.add(t, pkg+"/orders.avsc", m.Source())
	}
	fmt.Fprintf(&p.imports, "\t%s %q\n", pkg, service+"/internal/described/"+pkg)
	fmt.Fprintf(&p.operations, "\t\t%q: reflect.TypeFor[%s.Order](),\n", id, pkg)
}

// run returns what the program finds, by the models' ids.
func (p *program) run(t *testing.T) map[string]any {
	t.Helper()
	p.add(t, "main.go", fmt.Sprintf(`package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	%q
	%q
%s)

func main() {
	all := map[string]any{}
	for id, t := range map[string]reflect.Type{
%s	} {
		document := openapi.Document([]httpapi.Operation{{Path: "/", Body: t}})
		all[id] = document["components"].(map[string]any)["schemas"]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
`, service+"/internal/httpapi", service+"/internal/httpapi/openapi", p.imports.String(), p.operations.String()))
	overlay, err := json.Marshal(map[string]any{"Replace": p.files})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(p.dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", file, "./template/service/internal/described")
	cmd.Dir = filepath.Join("..", "..")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	found, ok := fromYAML(t, string(out)).(map[string]any) // JSON is YAML
	if !ok {
		t.Fatalf("it printed %s", out)
	}
	return found
}

func fromYAML(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// withoutNotes takes out what is said to people, which no struct knows.
func withoutNotes(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for name, value := range object {
		if _, isText := value.(string); isText && name == "description" {
			delete(object, name)
			continue
		}
		withoutNotes(value)
	}
	return object
}
