package model_test

import (
	"encoding/json"
	"fmt"
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
		"d": {"enum": [1, 2, 3]}, "e": {"type": "number", "enum": [1.5]}, "f": {"type": "integer", "minimum": 3}, "g": {"type": ["number", "null"], "maximum": 7}}}`,
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
	"message.json": `{"header": {"messageType": "Seen"}, "body": {"id": "1", "n": 3, "x": 1.5, "ok": true, "at": "2026-01-02T12:00:01Z", "list": [{"a": 1}], "none": null}}`,
}

// TestOpenAPIIsWhatTheServiceFinds proves that openapi.yaml is right from the
// start where a model is made from a schema: the service's own test reads the
// structs, with which a program made of them here does the same.
func TestOpenAPIIsWhatTheServiceFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, text := range described {
		texts[name] = text
	}
	for _, name := range []string{"testdata/message.json", "testdata/order.json", "testdata/order.avsc"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts["testdata-"+filepath.Base(name)] = string(text)
	}
	const service = "github.com/ouroboros-forge/forge/template/service"
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	add := func(name, content string) {
		file := filepath.Join(dir, fmt.Sprintf("%d%s", len(overlay.Replace), filepath.Ext(name)))
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(root, "template/service/internal/described", name)] = file
	}
	want := make(map[string]any)
	imports, operations := "", ""
	for name, text := range texts {
		for _, avro := range []bool{false, true} {
			pkg, file := fmt.Sprintf("m%d", len(want)), strings.TrimPrefix(name, "testdata-")
			if _, err := model.Parse(file, []byte(text), avro); avro && err != nil {
				continue // not everything can be sent as Avro
			}
			m := declared(t, file, text, avro)
			source, err := m.Go("orders", "OrderCreated", service, "orders")
			if err != nil {
				t.Fatal(err)
			}
			add(pkg+"/orders.go", string(source))
			if m.Source() != "" {
				add(pkg+"/orders.avsc", m.Source())
			}
			imports += fmt.Sprintf("\t%s %q\n", pkg, service+"/internal/described/"+pkg)
			operations += fmt.Sprintf("\t\t%q: reflect.TypeFor[%s.Order](),\n", fmt.Sprintf("%s avro=%v", name, avro), pkg)
			described, err := m.OpenAPI()
			if err != nil {
				t.Fatal(err)
			}
			want[fmt.Sprintf("%s avro=%v", name, avro)] = fromYAML(t, described)
		}
	}
	add("main.go", fmt.Sprintf(`package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"%s/internal/httpapi"
	"%s/internal/httpapi/openapi"
%s)

func main() {
	all := map[string]any{}
	for name, t := range map[string]reflect.Type{
%s	} {
		document := openapi.Document([]httpapi.Operation{{Path: "/", Body: t}})
		all[name] = document["components"].(map[string]any)["schemas"]
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
`, service, service, imports, operations))
	file := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", file, "./template/service/internal/described")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr(err))
	}
	found, ok := fromYAML(t, string(out)).(map[string]any) // JSON is YAML
	if !ok || len(found) != len(want) {
		t.Fatalf("it printed %s", out)
	}
	for name := range want {
		if !reflect.DeepEqual(want[name], found[name]) {
			t.Errorf("%s: openapi.yaml would say\n%v\nthe service finds\n%v", name, want[name], found[name])
		}
	}
}

func fromYAML(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

func stderr(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // it is what Output returns
		return exit.Stderr
	}
	return nil
}
