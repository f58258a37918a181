package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/twmb/avro"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Bodies reads bodies in JSON, as they come over HTTP, that will be written in Avro.
type Bodies struct {
	model *avroBody
	needs func(reflect.StructField) bool
}

// NewBodies returns the Bodies of a model. The error is why it has no schema in Avro,
// or another form in JSON than the schema tells.
func NewBodies(t reflect.Type) (*Bodies, error) {
	if err := isPlain(t, make(map[reflect.Type]bool)); err != nil {
		return nil, err
	}
	_, b, err := avroFormat{}.model(t, message.SchemaOf(t))
	if err != nil {
		return nil, err
	}
	model := b.(*avroBody) //nolint:forcetypeassert // it is what the format makes
	return &Bodies{model, model.needs}, nil
}

// isPlain refuses types whose JSON cannot be told from their schema: those that read it
// by themselves, and fields with an option such as string or format.
func isPlain(t reflect.Type, seen map[reflect.Type]bool) error {
	_, readsItself := reflect.TypeAssert[json.Unmarshaler](reflect.New(t))
	switch {
	case seen[t], t == timeType, t == ratType, isText(t):
		return nil
	case readsItself:
		return fmt.Errorf("%s reads its JSON by itself", t)
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return isPlain(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if options != "" && options != "omitempty" && options != "omitzero" {
				return fmt.Errorf("%s.%s has the option %s in its json tag", t, f.Name, options)
			}
			if err := isPlain(f.Type, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// Needs reports whether a body must have a field, of the model or of a struct in it.
func (b *Bodies) Needs(f reflect.StructField) bool { return b.needs(f) }

// needs goes by the tags. Those of a model with a schema of its own say omitempty
// where that has a default or a null.
func (b *avroBody) needs(f reflect.StructField) bool {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	one, err := fieldOf(f, name, options, f.Tag.Get("avro"))
	if err != nil || f.Tag.Get("avro") == "-" {
		return false
	}
	if b.own {
		return !one.optional && f.Type.Kind() != reflect.Pointer
	}
	text, err := fallback(one)
	return err == nil && text == nil
}

// Fill reads a body into out, a pointer to a model. Its error has a
// *message.FieldError for each field that is missing or does not fit.
func (b *Bodies) Fill(data []byte, out any) error {
	value, err := FromJSON(b.model.wire, data)
	if err != nil {
		return err
	}
	written, err := b.model.wire.Encode(value)
	if err != nil {
		return unfit(err)
	}
	_, err = b.model.local.Decode(written, out, avro.TaggedUnions())
	return err
}

// unfit returns the library's error as that of a field.
func unfit(err error) error {
	e, ok := errors.AsType[*avro.SemanticError](err)
	if !ok || e.Field == "" {
		return message.Invalid("", "does not fit the schema")
	}
	return message.Invalid(e.Field, "does not fit the schema: it must be a value of the type "+e.AvroType)
}
