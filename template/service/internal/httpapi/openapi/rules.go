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

// limit adds what the rules say to the schema, as far as it has words for them.
func limit(schema Object, t reflect.Type, rules []string) Object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i, rule := range rules {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive":
			if items, ok := schema.get("items").(Object); ok {
				schema = schema.with("items", limit(items, t.Elem(), rules[i+1:]))
			}
			return schema
		case strings.ContainsAny(rule, "|'") || strings.Contains(rule, "0x"): // one of several, or escaped
		case name == "oneof":
			schema = schema.with("enum", choices(t, strings.Fields(param)))
		case formats[name] != "":
			schema = schema.with("format", formats[name])
		case name == "unique" && schema.get("items") != nil:
			schema = schema.with("uniqueItems", true)
		case name == "required" && t.Kind() == reflect.String && t != reflect.TypeFor[time.Time]():
			schema = schema.with("minLength", 1.0)
		default:
			schema = bound(schema, t.Kind(), name, param)
		}
	}
	return schema
}

// formats are the rules that JSON Schema has a format for.
var formats = map[string]string{
	"email": "email", "uuid": "uuid", "uuid4": "uuid", "url": "uri", "http_url": "uri", "uri": "uri",
	"hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6",
}

// bound adds a limit of a number, a length or a count to the schema.
func bound(schema Object, kind reflect.Kind, rule, param string) Object {
	n, err := strconv.ParseFloat(param, 64)
	if err != nil || schema.get("type") == nil {
		return schema
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
		return schema
	default:
		return numeric(schema, rule, n)
	}
	switch rule {
	case "min", "gte":
		return schema.with(least, n)
	case "max", "lte":
		return schema.with(most, n)
	case "gt":
		return schema.with(least, n+1)
	case "lt":
		return schema.with(most, n-1)
	case "len":
		return schema.with(least, n).with(most, n)
	}
	return schema
}

func numeric(schema Object, rule string, n float64) Object {
	switch rule {
	case "min", "gte":
		return schema.with("minimum", n)
	case "max", "lte":
		return schema.with("maximum", n)
	case "gt":
		return schema.with("exclusiveMinimum", n)
	case "lt":
		return schema.with("exclusiveMaximum", n)
	case "len", "eq":
		return schema.with("const", n)
	}
	return schema
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
