package schema

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/twmb/avro"
)

// schemed is a model that was made from a schema and has it still:
//
//	//go:embed payments.avsc
//	var paymentSchema string
//
//	func (Payment) AvroSchema() string { return paymentSchema }
//
// Then nothing is derived from the struct. The symbols of an enum, say, are not in
// the struct, where it is a text.
type schemed interface{ AvroSchema() string }

// ownAvro returns how a model with a schema of its own is written and read. The
// struct's avro tags have the names that the schema has.
func ownAvro(t reflect.Type, text string) (string, body, error) {
	s, err := avro.Parse(text)
	if err != nil {
		return "", nil, fmt.Errorf("%s.AvroSchema: %w", t, err)
	}
	root := s.Root()
	if root.Type != "record" {
		return "", nil, fmt.Errorf("%s.AvroSchema: is of the type %s: what a topic has in Avro is a record", t, root.Type)
	}
	fields, err := fieldsOf(t)
	if err != nil {
		return "", nil, err
	}
	for _, f := range fields {
		if !f.tagged || !slices.ContainsFunc(root.Fields, func(known avro.SchemaField) bool { return known.Name == f.name }) {
			return "", nil, fmt.Errorf("%s.%s: the schema has no field %q: its avro tag names the one that it is", t, f.goName, f.name)
		}
	}
	for _, known := range root.Fields {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == known.Name }) {
			return "", nil, fmt.Errorf("%s: the schema has a field %q, and the struct has none for it", t, known.Name)
		}
	}
	return text, &avroBody{wire: s, local: s, model: t, own: true}, nil
}
