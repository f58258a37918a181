package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

const fromMap = "map"

// FromMap makes a Config, and the own settings, of the given settings alone, for
// tests and for programs that have settings of their own. The names are those of
// a YAML file; a value is text, a number, a boolean, a duration or a list. It
// reads no file but those that a setting ending in _FILE names.
func FromMap[V any](settings map[string]V, target any) (Config, error) {
	cfg := new(Config)
	service := newService(cfg, target)
	texts := make(map[string]string)
	for name, value := range settings {
		texts[name] = textOfGo(value)
	}
	service.merge(variables(fromMap, texts))
	return service.config(cfg)
}

// textOfGo returns a value of Go as it would be written in a file; the elements
// of a list joined by commas.
func textOfGo(value any) string {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Invalid: // nil
		return ""
	case reflect.String: // a Secret, too, which would hide itself
		return v.String()
	case reflect.Float64: // a number of JSON
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case reflect.Slice:
		texts := make([]string, v.Len())
		for i := range texts {
			texts[i] = textOfGo(v.Index(i).Interface())
		}
		return strings.Join(texts, ",")
	}
	return fmt.Sprint(value)
}
