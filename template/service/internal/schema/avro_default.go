package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
)

// fallback returns the default of a field in JSON, or nothing when it has none:
// what its tag says, null for a pointer, and the zero value for a field that
// may be missing in JSON. Readers take it when the writer did not know the field.
func fallback(f field) (json.RawMessage, error) {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		if f.avro.fallback != nil {
			return nil, errors.New("a pointer's default is null: leave default= out")
		}
		return json.RawMessage("null"), nil
	}
	plain := t != timeType && t != ratType && t != durationType && !isText(t) && (f.avro.logical == "" || hasItems(t))
	if f.avro.fallback != nil {
		if !plain {
			return nil, fmt.Errorf("a %s cannot have a default= in its tag: use a pointer", t)
		}
		return parseDefault(t, *f.avro.fallback)
	}
	if !f.optional {
		return nil, nil
	}
	if t == durationType && f.avro.logical == "" {
		return json.RawMessage("0"), nil
	}
	if !plain {
		return nil, nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return json.RawMessage("false"), nil
	case reflect.String:
		return json.RawMessage(`""`), nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return json.RawMessage(`""`), nil
		}
		return json.RawMessage("[]"), nil
	case reflect.Map:
		return json.RawMessage("{}"), nil
	case reflect.Struct, reflect.Array:
		return nil, nil
	default:
		return json.RawMessage("0"), nil
	}
}

// parseDefault reads the text of a tag as a value of type t.
func parseDefault(t reflect.Type, text string) (json.RawMessage, error) {
	var err error
	switch t.Kind() {
	case reflect.String:
		return json.Marshal(text)
	case reflect.Bool:
		_, err = strconv.ParseBool(text)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		_, err = strconv.ParseInt(text, 10, t.Bits())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		_, err = strconv.ParseUint(text, 10, t.Bits())
	case reflect.Float32, reflect.Float64:
		_, err = strconv.ParseFloat(text, t.Bits())
	default:
		return nil, fmt.Errorf("a %s cannot have a default= in its tag", t)
	}
	if err != nil || !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("default=%s is no %s", text, t.Kind())
	}
	return json.RawMessage(text), nil
}
