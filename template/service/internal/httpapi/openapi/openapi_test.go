package openapi

import (
	"reflect"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

type address struct {
	Street string `json:"street" validate:"required,max=80"`
	Zip    string `json:"zip,omitempty"`
}

type base struct {
	Created time.Time `json:"created" validate:"required"`
}

type territory struct {
	message.ForbidExtra
	base
	ID       string            `json:"id" validate:"required"`
	Kind     string            `json:"kind" validate:"oneof=city rural"`
	Level    int               `json:"level" validate:"omitempty,oneof=1 2"`
	Five     int               `json:"five" validate:"omitempty,eq=5"`
	Area     float64           `json:"area" validate:"gt=0,lte=1000"`
	Count    uint8             `json:"count"`
	Mail     *string           `json:"mail" validate:"omitempty,email"`
	Floor    *int              `json:"floor" validate:"required,min=0"`
	Tags     []string          `json:"tags" validate:"max=3,unique,dive,min=2"`
	Labels   map[string]string `json:"labels"`
	Photo    []byte            `json:"photo"`
	At       address           `json:"at"`
	Former   *address          `json:"former"`
	Parts    []territory       `json:"parts"`
	Secret   string            `json:"-"`
	Untagged bool
	Quoted   int64  `json:"quoted,string"`
	Other    string `json:"other" validate:"required_without=ID,eqfield=ID"`
	Any      any    `json:"any"`
}

// ruled checks itself, so its tags say nothing.
type ruled struct {
	ID string `json:"id" validate:"required"`
}

func (ruled) Validate() error { return nil }

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil { // JSON is YAML
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// read returns o as a reader of the file has it.
func read(t *testing.T, o Object) map[string]any {
	t.Helper()
	return parse(t, render(0, o))
}

func TestSchemasSayWhatTheModelTakes(t *testing.T) {
	s := newSchemas()
	s.model(httpapi.Operation{Body: reflect.TypeFor[territory]()})
	s.model(httpapi.Operation{Body: reflect.TypeFor[ruled]()})
	got := read(t, s.described)
	want := parse(t, `{
		"territory": {
			"type": "object", "additionalProperties": false,
			"required": ["created", "id", "kind", "area", "floor", "at"],
			"properties": {
				"created": {"type": "string", "format": "date-time"},
				"id": {"type": "string", "minLength": 1},
				"kind": {"type": "string", "enum": ["city", "rural"]},
				"level": {"type": ["integer", "null"], "format": "int64", "enum": [1, 2, null]},
				"five": {"type": ["integer", "null"], "format": "int64", "enum": [5, null]},
				"area": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
				"count": {"type": ["integer", "null"], "minimum": 0},
				"mail": {"type": ["string", "null"], "format": "email"},
				"floor": {"type": "integer", "format": "int64", "minimum": 0},
				"tags": {"type": ["array", "null"], "maxItems": 3, "uniqueItems": true, "items": {"type": "string", "minLength": 2}},
				"labels": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
				"photo": {"type": ["string", "null"], "contentEncoding": "base64"},
				"at": {"$ref": "#/components/schemas/address"},
				"former": {"anyOf": [{"$ref": "#/components/schemas/address"}, {"type": "null"}]},
				"parts": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/territory"}},
				"Untagged": {"type": ["boolean", "null"]},
				"quoted": {"type": ["string", "null"]},
				"other": {"type": ["string", "null"]},
				"any": {}
			}
		},
		"address": {
			"type": "object", "required": ["street"], "additionalProperties": false,
			"properties": {"street": {"type": "string", "minLength": 1, "maxLength": 80}, "zip": {"type": ["string", "null"]}}
		},
		"ruled": {"type": "object", "properties": {"id": {"type": ["string", "null"]}}}
	}`)
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is\n%v\nwant\n%v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d schemas, want %d", len(got), len(want))
	}
}

// What the schema requires is what the service requires.
func TestRequiredIsWhatAnEmptyBodyLacks(t *testing.T) {
	b, err := envelope.NewBody[address](nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Read([]byte("{}"))
	var missing []any
	for _, f := range message.Fields(err) {
		missing = append(missing, f.Field)
	}
	s := newSchemas()
	s.model(httpapi.Operation{Body: reflect.TypeFor[address]()})
	if required := s.described.below("address").get("required"); !reflect.DeepEqual(required, missing) {
		t.Errorf("required: %v, but the service misses %v", required, missing)
	}
}

func TestDocumentHasEachOperation(t *testing.T) {
	doc := Document([]httpapi.Operation{
		{Path: "/territories", Body: reflect.TypeFor[territory]()},
		{Path: "/v1/addresses", Body: reflect.TypeFor[address]()},
	})
	for path, schema := range map[string]string{"/territories": "territory", "/v1/addresses": "address"} {
		post := doc.below("paths", path, "post")
		if got := post.below("requestBody", "content", "application/json", "schema").get("$ref"); got != "#/components/schemas/"+schema {
			t.Errorf("%s takes %v", path, got)
		}
		for _, status := range []string{"202", "400", "413", "415", "503"} {
			if post.below("responses", status).get("$ref") == nil {
				t.Errorf("%s has no answer %s", path, status)
			}
		}
	}
}
