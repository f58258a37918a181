package openapi

import (
	"encoding"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-playground/validator/v10"

	"github.com/ouroboros-forge/forge/template/service/internal/httpapi"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// schemas describes structs, each once and by its name.
type schemas struct {
	described Object
	names     map[reflect.Type]string
	validate  *validator.Validate
	tags      bool // whether validate tags count
	closed    bool // whether other fields are refused, at any depth
	needs     func(reflect.StructField) bool
}

func newSchemas() *schemas {
	return &schemas{
		described: Object{},
		names:     make(map[reflect.Type]string),
		validate:  validator.New(validator.WithRequiredStructEnabled()),
	}
}

// model describes a whole body. Where a model has its own Validate, nobody but
// that knows its rules.
func (s *schemas) model(op httpapi.Operation) Object {
	t := op.Body
	s.needs = op.Needs
	_, ruled := reflect.TypeAssert[interface{ Validate() error }](reflect.New(t))
	s.tags, s.closed = !ruled, false
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		for f := range t.Fields() {
			s.closed = s.closed || f.Type == reflect.TypeFor[message.ForbidExtra]()
		}
	}
	return s.of(t)
}

// of describes the values that a T is read from.
func (s *schemas) of(t reflect.Type) Object {
	if own := readsItself(t); own != nil {
		return own
	}
	switch t.Kind() {
	case reflect.Pointer:
		return orNull(s.of(t.Elem()))
	case reflect.String:
		return Object{{"type", "string"}}
	case reflect.Bool:
		return Object{{"type", "boolean"}}
	case reflect.Int8, reflect.Int16:
		return Object{{"type", "integer"}}
	case reflect.Int32:
		return Object{{"type", "integer"}, {"format", "int32"}}
	case reflect.Int, reflect.Int64:
		return Object{{"type", "integer"}, {"format", "int64"}}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Object{{"type", "integer"}, {"minimum", 0.0}}
	case reflect.Float32, reflect.Float64:
		return Object{{"type", "number"}}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return Object{{"type", "string"}, {"contentEncoding", "base64"}}
		}
		return Object{{"type", "array"}, {"items", s.of(t.Elem())}}
	case reflect.Map:
		return Object{{"type", "object"}, {"additionalProperties", s.of(t.Elem())}}
	case reflect.Struct:
		return s.named(t)
	default:
		return Object{}
	}
}

// readsItself describes types with a method that reads them, as far as that can
// be known, and returns nil for all others.
func readsItself(t reflect.Type) Object {
	switch reflect.New(t).Interface().(type) {
	case *time.Time:
		return Object{{"type", "string"}, {"format", "date-time"}}
	case interface{ Rat() *big.Rat }: // a decimal number, no digit of which may be lost
		return Object{{"type", "string"}, {"pattern", `^-?[0-9]+(\.[0-9]+)?$`}}
	case json.UnmarshalerFrom, json.Unmarshaler, *time.Duration:
		return Object{}
	case encoding.TextUnmarshaler:
		return Object{{"type", "string"}}
	}
	return nil
}

// orNull describes what may be null, too.
func orNull(schema Object) Object {
	for i, m := range schema {
		if m.key == "const" {
			schema[i] = member{"enum", []any{m.value}}
		}
	}
	if choices, ok := schema.get("enum").([]any); ok {
		schema = schema.with("enum", append(choices, nil))
	}
	if kind, ok := schema.get("type").(string); ok {
		return schema.with("type", []any{kind, "null"})
	}
	if len(schema) == 0 {
		return schema
	}
	return Object{{"anyOf", []any{schema, Object{{"type", "null"}}}}}
}

// unusual is what a component's name may not have in it.
var unusual = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// named describes a struct among the components and refers to it.
func (s *schemas) named(t reflect.Type) Object {
	if t.Name() == "" {
		return s.object(t)
	}
	name, ok := s.names[t]
	if !ok {
		name = strings.Trim(unusual.ReplaceAllString(t.Name(), "-"), "-")
		for n := 2; s.described.get(name) != nil; n++ { // of another package
			name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", n-1)), n)
		}
		s.names[t] = name
		s.described = s.described.with(name, Object{}) // for a struct that has itself inside
		described := s.object(t)
		s.described = s.described.with(name, described)
	}
	return ref("schemas", name)
}

// object describes a struct.
func (s *schemas) object(t reflect.Type) Object {
	o := &object{properties: Object{}}
	o.add(s, t)
	schema := Object{{"type", "object"}, {"properties", o.properties}}
	if len(o.required) > 0 {
		schema = schema.with("required", o.required)
	}
	if s.closed {
		schema = schema.with("additionalProperties", false)
	}
	return schema
}

type object struct {
	properties Object
	required   []any
}

// add adds the fields of a struct, those of embedded ones among them.
func (o *object) add(s *schemas, t reflect.Type) {
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		inline := f.Anonymous && name == "" || strings.Contains(options, "inline")
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		switch {
		case f.Type == reflect.TypeFor[message.ForbidExtra](),
			tag == "-", strings.Contains(options, "unknown"), !f.IsExported() && !f.Anonymous:
		case inline && embedded.Kind() == reflect.Struct:
			o.add(s, embedded)
		case f.IsExported():
			if name == "" {
				name = f.Name
			}
			o.field(s, strings.Trim(name, "'"), f, strings.Contains(options, "string"))
		}
	}
}

func (o *object) field(s *schemas, name string, f reflect.StructField, quoted bool) {
	t, rules := f.Type, f.Tag.Get("validate")
	ruled := s.tags && rules != "-"
	required := ruled && s.isRequired(t, rules) || s.needs != nil && s.needs(f)
	if required {
		o.required = append(o.required, name)
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	schema := s.of(t)
	if quoted && (schema.get("type") == "number" || schema.get("type") == "integer") {
		schema = Object{{"type", "string"}}
	}
	if ruled {
		schema = limit(schema, t, strings.Split(rules, ","))
	}
	if !required && (s.needs == nil || f.Type.Kind() == reflect.Pointer) { // null is as if it were not there
		schema = orNull(schema)
	}
	o.properties = o.properties.with(name, schema)
}
