package schema

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// jsonSchema is as much of JSON Schema as models make.
type jsonSchema struct {
	Draft                string                 `json:"$schema,omitempty"`
	Ref                  string                 `json:"$ref,omitempty"`
	AnyOf                []*jsonSchema          `json:"anyOf,omitempty"`
	Title                string                 `json:"title,omitempty"`
	Description          string                 `json:"description,omitempty"`
	Type                 jsonTypes              `json:"type,omitempty"`
	Format               string                 `json:"format,omitempty"`
	ContentEncoding      string                 `json:"contentEncoding,omitempty"`
	Enum                 []any                  `json:"enum,omitempty"`
	Minimum              *float64               `json:"minimum,omitempty"`
	Maximum              *float64               `json:"maximum,omitempty"`
	ExclusiveMinimum     *float64               `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     *float64               `json:"exclusiveMaximum,omitempty"`
	MinLength            *float64               `json:"minLength,omitempty"`
	MaxLength            *float64               `json:"maxLength,omitempty"`
	MinItems             *float64               `json:"minItems,omitempty"`
	MaxItems             *float64               `json:"maxItems,omitempty"`
	MinProperties        *float64               `json:"minProperties,omitempty"`
	MaxProperties        *float64               `json:"maxProperties,omitempty"`
	Properties           map[string]*jsonSchema `json:"properties,omitempty"`
	Required             []string               `json:"required,omitempty"`
	AdditionalProperties *jsonOthers            `json:"additionalProperties,omitempty"`
	Items                *jsonSchema            `json:"items,omitempty"`
	Definitions          map[string]*jsonSchema `json:"definitions,omitempty"`
}

// jsonTypes is one type, or several.
type jsonTypes []string

// MarshalJSON writes one type without a list.
func (t jsonTypes) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// UnmarshalJSON reads one type or a list.
func (t *jsonTypes) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = jsonTypes{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// jsonOthers says which fields an object may have beside its own: none, those
// that keep a schema, or, when it is missing, any.
type jsonOthers struct {
	none   bool
	schema *jsonSchema
}

// MarshalJSON writes false, true or the schema.
func (o jsonOthers) MarshalJSON() ([]byte, error) {
	if o.none || o.schema == nil {
		return json.Marshal(!o.none)
	}
	return json.Marshal(o.schema)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (o *jsonOthers) UnmarshalJSON(data []byte) error {
	var allowed bool
	if json.Unmarshal(data, &allowed) == nil {
		*o = jsonOthers{none: !allowed}
		return nil
	}
	return json.Unmarshal(data, &o.schema)
}

// draft is the version of JSON Schema that Confluent's clients write.
const draft = "http://json-schema.org/draft-07/schema#"

// jsonDerivation makes the JSON Schema of a Go type, with the rules of its
// validate tags. A model writes no other fields than it has, and the schema says
// so: by the registry's rules, only then may a later version add one.
type jsonDerivation struct {
	root        reflect.Type
	definitions map[string]*jsonSchema
	types       map[string]reflect.Type
}

func deriveJSON(t reflect.Type, s message.Schema) (*jsonSchema, error) {
	if t.Kind() != reflect.Struct || t == timeType || isText(t) {
		return nil, fmt.Errorf("%s is not a struct: only its fields can change later", t)
	}
	d := jsonDerivation{root: t, definitions: make(map[string]*jsonSchema), types: make(map[string]reflect.Type)}
	root, err := d.object(t)
	if err != nil {
		return nil, err
	}
	root.Draft, root.Title = draft, s.FullName()
	if len(d.definitions) > 0 {
		root.Definitions = d.definitions
	}
	return root, nil
}

func (d *jsonDerivation) object(t reflect.Type) (*jsonSchema, error) {
	fields, err := fieldsOf(t)
	if err != nil {
		return nil, err
	}
	o := &jsonSchema{Type: jsonTypes{"object"}, Properties: make(map[string]*jsonSchema), AdditionalProperties: &jsonOthers{none: true}}
	for _, f := range fields {
		s, err := d.of(f.typ)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.goName, err)
		}
		if rules(s, f) {
			o.Required = append(o.Required, f.name)
		}
		if s.Ref == "" { // what is beside a reference does not count
			s.Description = f.doc
		}
		o.Properties[f.name] = s
	}
	return o, nil
}

func (d *jsonDerivation) of(t reflect.Type) (*jsonSchema, error) {
	switch {
	case t == timeType:
		return &jsonSchema{Type: jsonTypes{"string"}, Format: "date-time"}, nil
	case t == durationType:
		return &jsonSchema{}, nil // a number or a text, as its tag says
	case isText(t):
		return &jsonSchema{Type: jsonTypes{"string"}}, nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.optional(t.Elem())
	case reflect.Bool:
		return &jsonSchema{Type: jsonTypes{"boolean"}}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &jsonSchema{Type: jsonTypes{"integer"}}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &jsonSchema{Type: jsonTypes{"integer"}, Minimum: new(float64)}, nil
	case reflect.Float32, reflect.Float64:
		return &jsonSchema{Type: jsonTypes{"number"}}, nil
	case reflect.String:
		return &jsonSchema{Type: jsonTypes{"string"}}, nil
	case reflect.Interface:
		return &jsonSchema{}, nil
	case reflect.Struct:
		return d.reference(t)
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return &jsonSchema{Type: jsonTypes{"string"}, ContentEncoding: "base64"}, nil
		}
		items, err := d.of(t.Elem())
		return &jsonSchema{Type: jsonTypes{"array"}, Items: items}, err
	case reflect.Map:
		values, err := d.of(t.Elem())
		return &jsonSchema{Type: jsonTypes{"object"}, AdditionalProperties: &jsonOthers{schema: values}}, err
	default:
		return nil, fmt.Errorf("a %s has no schema", t)
	}
}

// optional is a type or null. What is beside a reference does not count, so that
// one stands among others.
func (d *jsonDerivation) optional(t reflect.Type) (*jsonSchema, error) {
	s, err := d.of(t)
	if err != nil {
		return nil, err
	}
	if s.Ref != "" {
		return &jsonSchema{AnyOf: []*jsonSchema{{Type: jsonTypes{null}}, s}}, nil
	}
	if len(s.Type) > 0 {
		s.Type = append(jsonTypes{null}, s.Type...)
	}
	return s, nil
}

const null = "null"

func (d *jsonDerivation) reference(t reflect.Type) (*jsonSchema, error) {
	if t == d.root {
		return &jsonSchema{Ref: "#"}, nil
	}
	name := t.Name()
	if name == "" {
		return d.object(t)
	}
	ref := &jsonSchema{Ref: definitionsPath + name}
	if other, ok := d.types[name]; ok {
		if other != t {
			return nil, fmt.Errorf("%s and %s would both be called %s in the schema: rename one", other, t, name)
		}
		return ref, nil
	}
	d.types[name] = t
	o, err := d.object(t)
	d.definitions[name] = o
	return ref, err
}

const definitionsPath = "#/definitions/"
