package openapi

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// isRequired reports whether a field with these rules cannot be left out: they
// refuse the value that it then has.
func (s *schemas) isRequired(t reflect.Type, tag string) bool {
	rules := slices.DeleteFunc(strings.Split(tag, ","), asksOthers)
	if slices.ContainsFunc(rules, func(r string) bool { return strings.HasPrefix(r, "omit") }) {
		return false
	}
	if t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() {
		return slices.Contains(rules, "required") || s.validate.Struct(reflect.New(t).Interface()) != nil
	}
	return s.validate.Var(reflect.Zero(t).Interface(), strings.Join(rules, ",")) != nil
}

// asksOthers reports whether a rule is about other fields too.
func asksOthers(rule string) bool {
	name, _, _ := strings.Cut(rule, "=")
	return strings.HasSuffix(name, "field") || strings.HasPrefix(name, "field") ||
		strings.HasPrefix(name, "required_") || strings.HasPrefix(name, "excluded_") || strings.HasPrefix(name, "skip_")
}

// limit puts the rules into the schema, as far as it has words for them.
func limit(schema Object, t reflect.Type, rules []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i, rule := range rules {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive":
			if items, ok := schema["items"].(Object); ok {
				limit(items, t.Elem(), rules[i+1:])
			}
			return
		case strings.ContainsAny(rule, "|'") || strings.Contains(rule, "0x"): // one of several, or escaped
		case name == "oneof":
			schema["enum"] = choices(t, strings.Fields(param))
		case formats[name] != "":
			schema["format"] = formats[name]
		case name == "unique" && schema["items"] != nil:
			schema["uniqueItems"] = true
		case name == "required" && t.Kind() == reflect.String && t != reflect.TypeFor[time.Time]():
			schema["minLength"] = 1
		default:
			bound(schema, t.Kind(), name, param)
		}
	}
}

// formats are the rules that JSON Schema has a format for.
var formats = map[string]string{
	"email": "email", "uuid": "uuid", "uuid4": "uuid", "url": "uri", "http_url": "uri", "uri": "uri",
	"hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6",
}

// bound puts a limit of a number, a length or a count into the schema.
func bound(schema Object, kind reflect.Kind, rule, param string) {
	n, err := strconv.ParseFloat(param, 64)
	if err != nil || schema["type"] == nil {
		return
	}
	var least, most string
	switch kind {
	case reflect.String:
		least, most = "minLength", "maxLength"
	case reflect.Slice, reflect.Array:
		least, most = "minItems", "maxItems"
	case reflect.Map:
		least, most = "minProperties", "maxProperties"
	case reflect.Bool, reflect.Struct, reflect.Interface:
		return
	default:
		numeric(schema, rule, n)
		return
	}
	switch rule {
	case "min", "gte":
		schema[least] = n
	case "max", "lte":
		schema[most] = n
	case "gt":
		schema[least] = n + 1
	case "lt":
		schema[most] = n - 1
	case "len":
		schema[least], schema[most] = n, n
	}
}

func numeric(schema Object, rule string, n float64) {
	switch rule {
	case "min", "gte":
		schema["minimum"] = n
	case "max", "lte":
		schema["maximum"] = n
	case "gt":
		schema["exclusiveMinimum"] = n
	case "lt":
		schema["exclusiveMaximum"] = n
	case "len", "eq":
		schema["const"] = n
	}
}

// choices are the values that a field may have, in its own type.
func choices(t reflect.Type, words []string) []any {
	values := make([]any, len(words))
	for i, word := range words {
		values[i] = word
		if t.Kind() == reflect.String {
			continue
		}
		if n, err := strconv.ParseInt(word, 10, 64); err == nil { // a float64 has not all of them
			values[i] = n
		} else if n, err := strconv.ParseFloat(word, 64); err == nil {
			values[i] = n
		}
	}
	return values
}
