package schema

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rules puts into s what a field's validate tag says of its value, as far as
// JSON Schema has words for it, and reports whether the field must be there.
func rules(s *jsonSchema, f field) (required bool) {
	t := f.typ
	written := !leftOut(f) // also when it is empty
	skipsEmpty := false    // and then no rule holds for it
	for rule := range strings.SplitSeq(f.rules, ",") {
		name, limit, _ := strings.Cut(rule, "=")
		switch name {
		case "required":
			required = true
			if t.Kind() == reflect.String && !isText(t) && s.MinLength == nil {
				s.MinLength = new(1.0)
			}
			continue
		case "omitempty", "omitnil", "omitzero":
			skipsEmpty = written && t.Kind() != reflect.Pointer
			continue
		case "dive":
			if s.Items == nil {
				return required
			}
			s, t, written, skipsEmpty = s.Items, elem(t), true, false
			continue
		}
		if skipsEmpty || s.Ref != "" || strings.Contains(rule, "|") {
			continue // an empty value would be right, or something else too
		}
		restrict(s, elemOf(t), name, limit)
	}
	return required
}

// leftOut reports whether a field is not written when it is empty. In JSON 0 and
// false are not: omitempty leaves out what is written as null, "", [] or {}.
func leftOut(f field) bool {
	switch f.typ.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return f.optional
	}
	return f.omitzero
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
	if isText(t) {
		return // the rule is for what it is in Go
	}
	switch rule {
	case "oneof":
		enumerate(s, t, wordsOf(limit))
		return
	case "eq":
		enumerate(s, t, []string{limit})
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
		s.Enum = orNull(s, []any{n})
	}
}

var words = regexp.MustCompile(`'[^']*'|\S+`)

// wordsOf returns the words of a list as the validator takes them.
func wordsOf(list string) []string {
	found := words.FindAllString(list, -1)
	for i, word := range found {
		found[i] = strings.ReplaceAll(word, "'", "")
	}
	return found
}

// enumerate says which texts or numbers a value can be. Of other types a rule
// with such words means something else.
func enumerate(s *jsonSchema, t reflect.Type, words []string) {
	var values []any
	for _, word := range words {
		switch n, err := strconv.ParseFloat(word, 64); {
		case t.Kind() == reflect.String:
			values = append(values, word)
		case isNumber(t) && err == nil:
			values = append(values, n)
		default:
			return
		}
	}
	s.Enum = orNull(s, values)
}

// orNull adds null to the values that are listed for a type that may be null: a
// list counts for that too.
func orNull(s *jsonSchema, values []any) []any {
	if slices.Contains(s.Type, null) {
		values = append(values, nil)
	}
	return values
}

func isNumber(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr
}
