package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entriesOf returns a map's entries, sorted by name.
func entriesOf(m any) []entry { return mapEntries(reflect.ValueOf(m)) }

func mapEntries(m reflect.Value) []entry {
	entries := make([]entry, 0, m.Len())
	for _, key := range m.MapKeys() {
		entries = append(entries, entry{name: fmt.Sprint(key.Interface()), from: fromMap, value: mapValue(m.MapIndex(key))})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return entries
}

// mapValue returns what an entry has for a value of Go: nil for what is no
// setting's.
func mapValue(v reflect.Value) any {
	v = underlying(v)
	switch v.Kind() {
	case reflect.Map:
		return mapEntries(v)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes())
		}
		list := make([]string, v.Len())
		for i := range list {
			text, ok := scalar(v.Index(i))
			if !ok {
				return nil
			}
			list[i] = text
		}
		return list
	default:
		if text, ok := scalar(v); ok {
			return text
		}
		return nil
	}
}

// scalar returns a single value as a variable would have it. It asks no method
// of the value: a Secret's would hide it.
func scalar(v reflect.Value) (string, bool) {
	v = underlying(v)
	switch {
	case !v.IsValid():
		return "", true // nil is none, as null is in YAML
	case v.Type() == reflect.TypeFor[time.Duration]():
		return time.Duration(v.Int()).String(), true
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	case v.CanFloat(): // what a number of JSON becomes
		return strconv.FormatFloat(v.Float(), 'f', -1, 64), true
	}
	return "", false
}

// underlying returns what v points to; for nil it is the zero Value.
func underlying(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}
