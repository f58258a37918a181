package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/model"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// described are schemas with what OpenAPI could get wrong.
var described = map[string]string{
	"numbers.json": `{"type": "object", "required": ["a", "b", "c", "d", "e"], "properties": {
		"a": {"type": "integer", "minimum": 1, "maximum": 9}, "b": {"type": "integer", "minimum": 0}, "c": {"type": "number", "exclusiveMinimum": 0.5},
		"d": {"enum": [1, 2, 9007199254740993]}, "e": {"type": "number", "enum": [1.5]}, "f": {"type": "integer", "minimum": 3}, "g": {"type": ["number", "null"], "maximum": 7},
		"h": {"type": "integer", "const": 5}, "i": {"type": "number", "const": 7}}}`,
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
	"kinds.json": `{"type": "object", "required": ["big", "either", "any", "gone", "note", "box", "choice"], "properties": {
		"big": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615}, "either": {"type": ["string", "number"]}, "any": {}, "gone": {"type": "null"}, "note": {"type": ["string", "null"]},
		"box": {"type": "object", "additionalProperties": false, "properties": {"w": {"type": "integer"}}}, "code": {"type": "string", "minLength": 3}, "left": {"$ref": "#"}, "all": {"type": "array", "items": {"$ref": "#"}},
		"lists": {"type": ["array", "null"], "items": {"type": ["array", "null"], "items": {"type": "integer"}}}, "empty": {"type": "object", "additionalProperties": false},
		"choice": {"oneOf": [{"type": "object", "required": ["kind"], "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}}, {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "b"}, "t": {"type": "string"}}}]}}}`,
	"list.json":    `{"parts": [{"sizes": null, "tags": {"a": [1]}}, {"sizes": [1.5], "tags": {"a": null}}]}`,
	"names.json":   `{"id": 1, "名前": {"a": 1}, "住所": {"b": 2}, "größe": {"c": {}}, "grüße": {"d": []}}`,
	"message.json": `{"header": {"messageType": "Seen"}, "body": {"id": "1", "n": 3, "x": 1.5, "ok": true, "at": "2026-01-02T12:00:01Z", "list": [{"a": 1}], "none": null}}`,
}

const service = "github.com/ouroboros-forge/forge/template/service"

// TestOpenAPIIsWhatTheServiceFinds proves that openapi.yaml is right from the
// start where a model is made from a schema: the service's own test asks the
// structs, and so does a program that is made of them here. And it is written as
// that test would write it, to the byte.
func TestOpenAPIIsWhatTheServiceFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	texts := maps.Clone(described)
	for _, name := range []string{"message.json", "order.json", "order.avsc", "interop.avsc", "cloudevents.avsc"} {
		at, _ := filepath.Glob("testdata/" + name)
		if at == nil {
			at = []string{"testdata/known/" + name}
		}
		text, err := os.ReadFile(at[0])
		if err != nil {
			t.Fatal(err)
		}
		texts["of testdata, "+name] = string(text)
	}
	p := &program{dir: t.TempDir(), files: make(map[string]string)}
	want := make(map[string]string)
	for name, text := range texts {
		file := strings.TrimPrefix(name, "of testdata, ")
		for _, avro := range []bool{false, true} {
			if _, err := model.Parse(file, []byte(text), avro); avro && err != nil {
				continue // not everything can be sent as Avro
			}
			m := declared(t, file, text, avro)
			id := fmt.Sprintf("%s avro=%v", name, avro)
			p.model(t, id, m)
			want[id] = m.Components(4) + "\n"
		}
	}
	p.describe(t)
	found := make(map[string]string)
	if err := json.Unmarshal(p.run(t), &found); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(want)+1 {
		t.Fatalf("%d models are found, want %d", len(found), len(want)+1)
	}
	for id := range want {
		_, schemas, _ := strings.Cut(found[id], "\n  schemas:\n")
		if !reflect.DeepEqual(withoutNotes(fromYAML(t, want[id])), fromYAML(t, schemas)) {
			t.Errorf("%s: openapi.yaml would say\n%v\nthe service finds\n%v", id, want[id], schemas)
		} else if got := note.ReplaceAllString(want[id], ""); got != schemas {
			t.Errorf("%s: openapi.yaml has\n%s\nthe service would write\n%s", id, got, schemas)
		}
	}
	written := renderedOpenAPI(t)
	paths, schemas, _ := strings.Cut(strings.TrimPrefix(found["sample"], "openapi: \"3.1.0\"\n"), "components:\n  schemas:\n")
	if !strings.Contains(written, paths) || !strings.HasSuffix(written, schemas) {
		t.Errorf("openapi.yaml is\n%s\nthe service would write\n%s", written, found["sample"])
	}
}

// note is a line that is said to people.
var note = regexp.MustCompile(`(?m)^ +description: [^{].*\n`)

// renderedOpenAPI is openapi.yaml where no model is made from a schema.
func renderedOpenAPI(t *testing.T) string {
	t.Helper()
	a := answers.Defaults("shop")
	a.With = []string{answers.HTTP}
	file, ok, err := render.One(template.FS, a, "v1.0.0", "openapi.yaml")
	if err != nil || !ok {
		t.Fatal("no openapi.yaml: ", err)
	}
	return string(file.Content)
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
	name := "plain"
	if strings.HasSuffix(id, "avro=true") {
		name = "needed"
	}
	fmt.Fprintf(&p.operations, "\t\t%q: %s(reflect.TypeFor[%s.Order]()),\n", id, name, pkg)
}

// describe has the program find what OpenAPI says of the models.
func (p *program) describe(t *testing.T) {
	t.Helper()
	p.add(t, "main.go", fmt.Sprintf(`package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	%q
	%q
	%q
	%q
%s)

func main() {
	all := map[string]string{}
	for id, op := range map[string]httpapi.Operation{
		"sample": {Path: "/orders", Topic: "orders", Body: reflect.TypeFor[models.Order]()},
%s	} {
		text, err := openapi.Update(nil, openapi.Document([]httpapi.Operation{op}))
		if err != nil {
			panic(err)
		}
		all[id] = string(text)
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func plain(t reflect.Type) httpapi.Operation { return httpapi.Operation{Path: "/", Body: t} }

func needed(t reflect.Type) httpapi.Operation {
	bodies, err := schema.NewBodies(t)
	if err != nil {
		panic(err)
	}
	return httpapi.Operation{Path: "/", Body: t, Needs: bodies.Needs}
}
`, service+"/internal/schema", service+"/internal/httpapi", service+"/internal/httpapi/openapi", service+"/models", p.imports.String(), p.operations.String()))
}

// run returns what the program prints: what it finds, by the models' ids.
func (p *program) run(t *testing.T) []byte {
	t.Helper()
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
	return out
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
