package schema

import (
	"reflect"
	"strconv"
	"strings"
)

// rules puts into s what a field's validate tag says of its value, as far as
// JSON Schema has words for it, and reports whether the field must be there.
func rules(s *jsonSchema, f field) (required bool) {
	t := f.typ
	skipsEmpty := false
	for rule := range strings.SplitSeq(f.rules, ",") {
		name, limit, _ := strings.Cut(rule, "=")
		switch name {
		case "required":
			required = true
			if t.Kind() == reflect.String && s.MinLength == nil {
				s.MinLength = new(1.0)
			}
			continue
		case "omitempty", "omitnil", "omitzero":
			skipsEmpty = !f.optional && t.Kind() != reflect.Pointer
			continue
		case "dive":
			if s.Items == nil {
				return required
			}
			s, t, skipsEmpty = s.Items, elem(t), false
			continue
		}
		if skipsEmpty || s.Ref != "" || strings.Contains(rule, "|") {
			continue // an empty value would be right, or something else too
		}
		restrict(s, elemOf(t), name, limit)
	}
	return required
}

func elem(t reflect.Type) reflect.Type { return elemOf(t).Elem() }

// elemOf is what a pointer points to, or t itself.
func elemOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

var formats = map[string]string{"email": "email", "uuid": "uuid", "uuid4": "uuid", "url": "uri", "http_url": "uri", "uri": "uri", "hostname": "hostname", "ipv4": "ipv4", "ipv6": "ipv6"}

func restrict(s *jsonSchema, t reflect.Type, rule, limit string) {
	if format, ok := formats[rule]; ok {
		s.Format = format
		return
	}
	switch rule {
	case "oneof":
		s.Enum = nil
		for word := range strings.FieldsSeq(limit) {
			s.Enum = append(s.Enum, enumValue(t, word))
		}
		return
	case "eq":
		s.Enum = []any{enumValue(t, limit)}
		return
	}
	n, err := strconv.ParseFloat(limit, 64)
	if err != nil || t == timeType || t == durationType {
		return
	}
	least, most := bounds(s, t)
	if least == nil {
		numberRule(s, rule, n)
		return
	}
	switch rule { // of counts, which are whole
	case "min", "gte":
		*least = new(n)
	case "gt":
		*least = new(n + 1)
	case "max", "lte":
		*most = new(n)
	case "lt":
		*most = new(n - 1)
	case "len":
		*least, *most = new(n), new(n)
	}
}

// bounds returns the places for limits of how much there is in a value, or nil
// for numbers.
func bounds(s *jsonSchema, t reflect.Type) (least, most **float64) {
	switch t.Kind() {
	case reflect.String:
		return &s.MinLength, &s.MaxLength
	case reflect.Slice, reflect.Array:
		return &s.MinItems, &s.MaxItems
	case reflect.Map:
		return &s.MinProperties, &s.MaxProperties
	}
	return nil, nil
}

func numberRule(s *jsonSchema, rule string, n float64) {
	switch rule {
	case "min", "gte":
		s.Minimum = new(n)
	case "gt":
		s.ExclusiveMinimum = new(n)
	case "max", "lte":
		s.Maximum = new(n)
	case "lt":
		s.ExclusiveMaximum = new(n)
	case "len":
		s.Enum = []any{n}
	}
}

func enumValue(t reflect.Type, word string) any {
	if t.Kind() != reflect.String {
		if n, err := strconv.ParseFloat(word, 64); err == nil {
			return n
		}
	}
	return strings.Trim(word, "'")
}
