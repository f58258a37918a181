package model_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/model"
)

// TestKnownSchemas shows what becomes of schemas as the field has them; e2e builds
// services of them.
func TestKnownSchemas(t *testing.T) {
	for file, want := range map[string][]string{
		"cloudevents.json":       {"ID string `json:\"id\" validate:\"required,min=1\"`", "Subject *string", "Time *time.Time", "Data any", "DataBase64 []byte", "Not checked: the format uri-reference."},
		"push/event.schema.json": {"Commits []OrderCommit", "HeadCommit *OrderCommit", "Repository OrderRepository", "Parent *OrderRepository", "Reserved any", "Sender OrderUser", "// Deprecated: the schema says so.", "CreatedAt any `json:\"created_at\" validate:\"required\"`"},
		"self_describing.json":   {"message.ForbidExtra", "type OrderPageView struct{}", "Context []OrderContextItem", "Value any", "anyOf.\n\tSchemaField string"},
		"geojson.json":           {"Geometry *OrderGeometry", "oneof=Point LineString Polygon GeometryCollection", "Properties map[string]any", "Bbox []float64 `json:\"bbox,omitempty\" validate:\"omitempty,min=4\"`"},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", "known", file))
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.ParseWith(file, text, false, func(name string) (string, error) {
			beside, err := os.ReadFile(filepath.Join("testdata", "known", path.Join(path.Dir(file), name)))
			return string(beside), err
		})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		m.Declare("Order", make(map[string]bool))
		if err := holds(m); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, words := range want {
			if got := source(t, m); !strings.Contains(withoutSpaces(got), withoutSpaces(words)) {
				t.Errorf("%s: want %s in\n%s", file, words, got)
			}
		}
	}
}

// TestFiles proves that files may refer to each other in circles, that the place of
// a mistake is in the file that has it, and that as many are read as there is a limit.
func TestFiles(t *testing.T) {
	files := map[string]string{
		"a.json":        `{"type": "object", "properties": {"b": {"$ref": "sub/b.json"}, "n": {"type": "integer"}}}`,
		"sub/b.json":    `{"type": "object", "properties": {"a": {"$ref": "../a.json"}, "main": {"$ref": "../order.json#/properties/id"}, "c": {"$ref": "c.json#there"}}}`,
		"sub/c.json":    `{"$defs": {"x": {"$anchor": "there", "type": "boolean"}}}`,
		"wrong.json":    "{\n  \"type\": \"strng\"}",
		"noText.json":   "\xff",
		"noSchema.json": "[]",
	}
	beside := func(name string) (string, error) {
		text, ok := files[name]
		if !ok {
			return "", os.ErrNotExist
		}
		return text, nil
	}
	parse := func(ref string) (*model.Model, error) {
		return model.ParseWith("in/order.json", []byte(`{"type": "object", "properties": {"id": {"type": "string", "minLength": 2}, "a": {"$ref": "`+ref+`"}}}`), false, beside)
	}
	m, err := parse("a.json")
	if err != nil {
		t.Fatal(err)
	}
	m.Declare("Order", make(map[string]bool))
	if err := holds(m); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"A *OrderA", "B *OrderB", "Main *string `json:\"main,omitempty\" validate:\"omitempty,min=2\"`", "C *bool"} {
		if got := source(t, m); !strings.Contains(withoutSpaces(got), want) {
			t.Errorf("want %s in\n%s", want, got)
		}
	}
	for ref, want := range map[string]string{
		"gone.json":            `in/order.json:1:91: properties.a.$ref: "gone.json" is no file beside the schema: there is no gone.json`,
		"a.json#/$defs/x":      `"a.json#/$defs/x" is not in in/a.json: there is no "$defs"`,
		"a.json#x":             `"a.json#x" is not in in/a.json: no $anchor is called "x"`,
		"wrong.json":           `in/wrong.json:2:11: type: "strng" is no type of JSON Schema`,
		"noText.json":          `in/noText.json: is not text in UTF-8`,
		"noSchema.json":        `in/noSchema.json:1:1: a schema is an object, and this is a list`,
		"https://example.org/": `"https://example.org/" is the $id of no schema that is here`,
	} {
		if _, err := parse(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", ref, err, want)
		}
	}
	next := 0
	_, err = model.ParseWith("a.json", []byte(`{"properties": {"a": {"$ref": "0.json"}}}`), false, func(string) (string, error) {
		next++
		return `{"properties": {"a": {"$ref": "` + strings.Repeat("x", next) + `.json"}}}`, nil
	})
	if err == nil || !strings.Contains(err.Error(), "more than 200 files") {
		t.Errorf("a schema of any number of files: %v", err)
	}
	if _, err := model.Parse("-", []byte(`{"type": "record", "name": "R", "fields": [{"name": "a", "type": "strng"}]}`), false); err == nil || !strings.HasPrefix(err.Error(), "stdin:1:66: ") {
		t.Errorf("a schema on stdin: %v", err)
	}
}
