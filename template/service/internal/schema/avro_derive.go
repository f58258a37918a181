package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// avroType is a schema in the order in which people write it.
type avroType struct {
	Type        string      `json:"type"`
	Name        string      `json:"name,omitempty"`
	Namespace   string      `json:"namespace,omitempty"`
	LogicalType string      `json:"logicalType,omitempty"`
	Precision   int         `json:"precision,omitempty"`
	Scale       int         `json:"scale,omitempty"`
	Size        int         `json:"size,omitempty"`
	Items       any         `json:"items,omitempty"`
	Values      any         `json:"values,omitempty"`
	Fields      []avroField `json:"fields,omitzero"`
}

type avroField struct {
	Name    string          `json:"name"`
	Type    any             `json:"type"` // an avroType, the name of one, or a list of both: a union
	Default json.RawMessage `json:"default,omitempty"`
	Doc     string          `json:"doc,omitempty"`
	Aliases []string        `json:"aliases,omitempty"`
}

// derivation makes the Avro schema of a Go type.
//
// The library finds a struct's fields by their avro tag or their name in Go,
// and knows no json tags. So each model has two schemas that write the same
// bytes: the one for others, with the names on the wire, and with inGo the one
// that the library uses here, with the names in Go and those on the wire as
// their aliases.
type derivation struct {
	inGo      bool
	namespace string
	names     map[string]reflect.Type // of records and fixed, by name
}

func deriveAvro(t reflect.Type, s message.Schema, inGo bool) (string, error) {
	d := derivation{inGo: inGo, namespace: s.Namespace, names: make(map[string]reflect.Type)}
	if t.Kind() != reflect.Struct || t == timeType || isText(t) {
		return "", fmt.Errorf("%s is not a struct: what a topic has in Avro is a record", t)
	}
	root, err := d.record(t, s.Name)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(root)
	return string(text), err
}

var avroName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// named reports whether name is taken by t already.
func (d *derivation) named(name string, t reflect.Type) (again bool, err error) {
	if !avroName.MatchString(name) {
		return false, fmt.Errorf("%s: %q cannot be a name in Avro, which has letters, digits and _ only: a method Schema() can give another", t, name)
	}
	other, again := d.names[name]
	if again && other != t {
		return false, fmt.Errorf("%s and %s would both be called %s in the schema: rename one", other, t, name)
	}
	d.names[name] = t
	return again, nil
}

func (d *derivation) record(t reflect.Type, name string) (any, error) {
	again, err := d.named(name, t)
	if err != nil {
		return nil, err
	}
	if again {
		return message.Schema{Namespace: d.namespace, Name: name}.FullName(), nil
	}
	fields, err := fieldsOf(t)
	if err != nil {
		return nil, err
	}
	r := avroType{Type: "record", Name: name, Namespace: d.namespace, Fields: []avroField{}}
	for _, f := range fields {
		one, err := d.field(f)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.goName, err)
		}
		r.Fields = append(r.Fields, one)
	}
	return r, nil
}

func (d *derivation) field(f field) (avroField, error) {
	one := avroField{Name: f.name, Doc: f.doc, Aliases: f.avro.aliases}
	if !avroName.MatchString(f.name) {
		return one, fmt.Errorf("%q cannot be a name in Avro, which has letters, digits and _ only", f.name)
	}
	if d.inGo {
		one.Aliases = []string{hidden + f.name}
		for _, alias := range f.avro.aliases {
			one.Aliases = append(one.Aliases, hidden+alias)
		}
		if !f.tagged {
			one.Name = f.goName
		}
	}
	var err error
	if one.Type, err = d.of(f.typ, f.avro); err != nil {
		return one, err
	}
	one.Default, err = fallback(f)
	return one, err
}

// hidden goes before the names of a writer's fields when they are matched with
// the names in Go: only aliases match then.
const hidden = "on_the_wire_"

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	ratType      = reflect.TypeFor[big.Rat]()
	decimalType  = reflect.TypeFor[message.Decimal]()
)

func (d *derivation) of(t reflect.Type, tag avroTag) (any, error) {
	if t.Kind() == reflect.Pointer {
		if t.Elem().Kind() == reflect.Pointer {
			return nil, fmt.Errorf("a %s has no schema: use one pointer", t)
		}
		inner, err := d.of(t.Elem(), tag)
		return []any{"null", inner}, err
	}
	if logical, ok, err := logicalType(t, tag); ok || err != nil {
		return logical, err
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean", nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16:
		return "int", nil
	case reflect.Int, reflect.Int64, reflect.Uint32:
		return "long", nil
	case reflect.Uint, reflect.Uint64:
		return nil, fmt.Errorf("a %s does not fit into Avro's long: use int64, or a string", t)
	case reflect.Float32:
		return "float", nil
	case reflect.Float64:
		return "double", nil
	case reflect.String:
		return "string", nil
	case reflect.Struct:
		return d.record(t, t.Name())
	case reflect.Slice, reflect.Array, reflect.Map:
		return d.container(t, tag)
	default:
		return nil, fmt.Errorf("a %s has no schema: use a struct, a list, a map, a number, a text or a boolean", t)
	}
}

func (d *derivation) container(t reflect.Type, tag avroTag) (any, error) {
	isBytes := t.Elem().Kind() == reflect.Uint8
	if isBytes && t.Kind() == reflect.Slice {
		return "bytes", nil
	}
	if isBytes && t.Kind() == reflect.Array {
		name := t.Name()
		if name == "" {
			name = "fixed_" + strconv.Itoa(t.Len())
		}
		again, err := d.named(name, t)
		if again || err != nil {
			return message.Schema{Namespace: d.namespace, Name: name}.FullName(), err
		}
		return avroType{Type: "fixed", Name: name, Namespace: d.namespace, Size: t.Len()}, nil
	}
	if t.Kind() == reflect.Map && t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("a %s has no schema: the keys of a map are texts", t)
	}
	inner, err := d.of(t.Elem(), tag)
	if t.Kind() == reflect.Map {
		return avroType{Type: "map", Values: inner}, err
	}
	return avroType{Type: "array", Items: inner}, err
}

// logicalType returns the schema of types that are more than their kind says,
// and false for others.
func logicalType(t reflect.Type, tag avroTag) (any, bool, error) {
	switch {
	case t == timeType:
		switch tag.logical {
		case "":
			return avroType{Type: "long", LogicalType: "timestamp-millis"}, true, nil
		case "timestamp-millis", "timestamp-micros", "timestamp-nanos":
			return avroType{Type: "long", LogicalType: tag.logical}, true, nil
		case "date":
			return avroType{Type: "int", LogicalType: tag.logical}, true, nil
		}
	case t == durationType:
		switch tag.logical {
		case "": // nanoseconds: time-millis and time-micros are times of a day
			return "long", true, nil
		case "time-millis":
			return avroType{Type: "int", LogicalType: tag.logical}, true, nil
		case "time-micros":
			return avroType{Type: "long", LogicalType: tag.logical}, true, nil
		}
	case t == ratType:
		if tag.logical == "decimal" {
			return avroType{Type: "bytes", LogicalType: tag.logical, Precision: tag.precision, Scale: tag.scale}, true, nil
		}
		return nil, false, errors.New(`a big.Rat needs avro:",decimal(precision,scale)"`)
	case t == decimalType:
		if tag.logical == "decimal" {
			return avroType{Type: "bytes", LogicalType: tag.logical, Precision: tag.precision, Scale: tag.scale}, true, nil
		}
		return nil, false, errors.New(`a message.Decimal needs avro:",decimal(precision,scale)"`)
	case t.Kind() == reflect.String || isText(t):
		switch tag.logical {
		case "":
			return "string", true, nil
		case "uuid":
			return avroType{Type: "string", LogicalType: tag.logical}, true, nil
		}
	case tag.logical == "" || hasItems(t):
		return nil, false, nil // the tag is for what is in it
	}
	return nil, false, fmt.Errorf("a %s cannot be a %s", t, tag.logical)
}

func hasItems(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}
