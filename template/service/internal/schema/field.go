package schema

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// field is a field of a model as it is on the wire.
type field struct {
	goName   string
	name     string // its avro tag's, or its json tag's, or the one in Go
	typ      reflect.Type
	optional bool // its json tag has omitempty or omitzero: it may be missing
	omitzero bool // it has the latter
	doc      string
	rules    string // its validate tag
	tagged   bool   // its avro tag has a name, which is then the one in Go for the library
	avro     avroTag
}

// avroTag is what a field's avro tag says after the name, in the language of
// the avro library: `avro:"price,alias=cost,decimal(10,2)"`.
type avroTag struct {
	aliases          []string
	fallback         *string // of default=
	logical          string  // timestamp-micros, uuid, decimal …
	precision, scale int
}

// fieldsOf returns the fields of a struct, those of embedded structs among them.
func fieldsOf(t reflect.Type) ([]field, error) {
	fields, err := collect(t, nil, nil)
	if err != nil {
		return nil, err
	}
	for i, f := range fields {
		for _, other := range fields[:i] {
			if f.name == other.name || f.goName == other.goName {
				return nil, fmt.Errorf("%s: the fields %s and %s are both called %s: rename one", t, other.goName, f.goName, f.name)
			}
		}
	}
	return fields, nil
}

func collect(t reflect.Type, inside []reflect.Type, fields []field) ([]field, error) {
	if len(inside) > 16 {
		return nil, fmt.Errorf("%s embeds itself", t)
	}
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		tag, tagged := f.Tag.Lookup("avro")
		if tag == "-" || name == "-" && options == "" && !tagged {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !isText(f.Type) && f.Type != timeType && name == "" && tag == "" {
			var err error
			if fields, err = collect(f.Type, append(inside, t), fields); err != nil {
				return nil, err
			}
			continue
		}
		one, err := fieldOf(f, name, options, tag)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		fields = append(fields, one)
	}
	return fields, nil
}

func fieldOf(f reflect.StructField, jsonName, jsonOptions, tag string) (field, error) {
	avroName, avroOptions, _ := strings.Cut(tag, ",")
	one := field{
		goName: f.Name, name: avroName, typ: f.Type, tagged: avroName != "",
		doc: f.Tag.Get("doc"), rules: f.Tag.Get("validate"),
	}
	switch {
	case f.Anonymous && avroName == "" && (jsonName != "" || f.Type.Kind() != reflect.Struct):
		return one, errors.New("embed a plain struct, or give the field a name of its own")
	case avroName == "" && jsonName != "":
		one.name = jsonName
	case avroName == "":
		one.name = f.Name
	case jsonName != "" && jsonName != avroName:
		return one, fmt.Errorf("is %q in JSON and %q in Avro: give it one name", jsonName, avroName)
	}
	for option := range strings.SplitSeq(jsonOptions, ",") {
		switch option {
		case "omitempty", "omitzero":
			one.optional = true
			one.omitzero = one.omitzero || option == "omitzero"
		case "inline", "unknown":
			return one, fmt.Errorf("the option %q of the json tag has no schema: embed the struct", option)
		}
	}
	var err error
	one.avro, err = parseAvroTag(avroOptions)
	return one, err
}

var decimal = regexp.MustCompile(`^decimal\((\d+),(\d+)\)`)

// parseAvroTag reads the options of an avro tag. The default comes last, and
// may have commas in it.
func parseAvroTag(options string) (avroTag, error) {
	var t avroTag
	for options != "" {
		if value, ok := strings.CutPrefix(options, "default="); ok {
			t.fallback = &value
			return t, nil
		}
		if m := decimal.FindStringSubmatch(options); m != nil {
			t.logical = "decimal"
			t.precision, _ = strconv.Atoi(m[1])
			t.scale, _ = strconv.Atoi(m[2])
			options = strings.TrimPrefix(options[len(m[0]):], ",")
			continue
		}
		var option string
		option, options, _ = strings.Cut(options, ",")
		if alias, ok := strings.CutPrefix(option, "alias="); ok {
			t.aliases = append(t.aliases, alias)
			continue
		}
		switch option {
		case "", "omitzero":
		case "timestamp-millis", "timestamp-micros", "timestamp-nanos", "date", "time-millis", "time-micros", "uuid":
			t.logical = option
		default:
			return t, fmt.Errorf("the avro tag's option %q is unknown: there are alias=, default=, decimal(p,s), uuid, date, "+
				"time-millis, time-micros, timestamp-millis, timestamp-micros and timestamp-nanos", option)
		}
	}
	return t, nil
}

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText reports whether values of t are written and read as text.
func isText(t reflect.Type) bool {
	return (t.Implements(textMarshaler) || reflect.PointerTo(t).Implements(textMarshaler)) &&
		reflect.PointerTo(t).Implements(textUnmarshaler)
}
