package message

import (
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
)

// Almost every body is valid, and validator/v10 takes long to say so. For types
// whose rules are all simple a check is made once that takes a tenth of that.
// It can only accept: whatever it does not, the validator looks at, and it
// alone says what is wrong. Types with any other rule go to the validator with
// each body.

// accepter reports whether a value keeps all rules. False means that it may or
// may not.
type accepter func(v reflect.Value) bool

var valuerType = reflect.TypeFor[validator.Valuer]()

// accepterOf returns the check of a type's values by the given rules, and false
// when there is a rule or a type among them that it does not know. A nil check
// accepts everything.
func accepterOf(t reflect.Type, rules []string, inside []reflect.Type) (accepter, bool) {
	if t.Implements(valuerType) || len(inside) > 8 {
		return nil, false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return acceptPointer(t, rules, inside)
	case reflect.Slice:
		return acceptSlice(t, rules, inside)
	case reflect.Struct:
		return acceptStruct(t, rules, inside)
	case reflect.String, reflect.Bool, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return acceptRules(t, rules)
	default:
		return nil, len(rules) == 0 && t.Kind() != reflect.Interface
	}
}

func acceptPointer(t reflect.Type, rules []string, inside []reflect.Type) (accepter, bool) {
	optional := len(rules) == 0 || rules[0] == "omitempty"
	if t.Elem().Kind() == reflect.Pointer {
		return nil, false
	}
	if len(rules) > 0 && optional {
		rules = rules[1:] // what is there is checked, even when it is zero
	}
	accept, ok := accepterOf(t.Elem(), rules, append(inside, t))
	return func(v reflect.Value) bool {
		if v.IsNil() {
			return optional
		}
		return accept == nil || accept(v.Elem())
	}, ok
}

func acceptSlice(t reflect.Type, rules []string, inside []reflect.Type) (accepter, bool) {
	own, items := rules, []string(nil)
	dives := false
	for i, rule := range rules {
		if rule == "dive" {
			own, items, dives = rules[:i], rules[i+1:], true
			break
		}
	}
	list, ok := acceptRules(t, own)
	if !dives || !ok {
		return list, ok
	}
	item, ok := accepterOf(t.Elem(), items, append(inside, t))
	return func(v reflect.Value) bool {
		if list != nil && !list(v) {
			return false
		}
		for i := range v.Len() {
			if item != nil && !item(v.Index(i)) {
				return false
			}
		}
		return true
	}, ok
}

// acceptedField is a field of a struct that has rules, or has them inside.
type acceptedField struct {
	index  int
	accept accepter
}

func acceptStruct(t reflect.Type, rules []string, inside []reflect.Type) (accepter, bool) {
	required := len(rules) == 1 && rules[0] == "required"
	if len(rules) > 0 && !required {
		return nil, false
	}
	if t.ConvertibleTo(timeType) {
		return func(v reflect.Value) bool { return !required || !v.IsZero() }, t == timeType
	}
	fields, ok := acceptFields(t, append(inside, t))
	return func(v reflect.Value) bool {
		if required && v.IsZero() {
			return false
		}
		for _, f := range fields {
			if !f.accept(v.Field(f.index)) {
				return false
			}
		}
		return true
	}, ok
}

// acceptFields returns the checks of those of a struct's fields that have any.
func acceptFields(t reflect.Type, inside []reflect.Type) (fields []acceptedField, ok bool) {
	for f := range t.Fields() {
		if !f.IsExported() && f.Anonymous {
			return nil, false
		}
		rules, ok := splitRules(f.Tag.Get("validate"))
		if !ok {
			return nil, false
		}
		if !f.IsExported() || len(rules) > 0 && rules[0] == "-" {
			continue
		}
		accept, ok := accepterOf(f.Type, rules, inside)
		if !ok {
			return nil, false
		}
		if accept != nil {
			fields = append(fields, acceptedField{f.Index[0], accept})
		}
	}
	return fields, true
}

// splitRules returns the rules of a tag, and false when it has alternatives,
// quotes or escapes.
func splitRules(tag string) ([]string, bool) {
	if tag == "" {
		return nil, true
	}
	return strings.Split(tag, ","), !strings.ContainsAny(tag, `|'`) && !strings.Contains(tag, "0x")
}

// acceptRules returns the check of simple values, and of lists without what is
// in them.
func acceptRules(t reflect.Type, rules []string) (accepter, bool) {
	var checks []accepter
	for i, rule := range rules {
		if rule == "omitempty" {
			rest, ok := acceptRules(t, rules[i+1:])
			checks = append(checks, func(v reflect.Value) bool { return isUnset(v) || rest == nil || rest(v) })
			return every(checks), ok
		}
		check := acceptRule(t, rule)
		if check == nil {
			return nil, false
		}
		checks = append(checks, check)
	}
	return every(checks), true
}

func every(checks []accepter) accepter {
	switch len(checks) {
	case 0:
		return nil
	case 1:
		return checks[0]
	}
	return func(v reflect.Value) bool {
		for _, check := range checks {
			if !check(v) {
				return false
			}
		}
		return true
	}
}

// isUnset is what the validator calls empty: an empty list is not.
func isUnset(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.IsNil()
	}
	return v.IsZero()
}

func acceptRule(t reflect.Type, rule string) accepter {
	name, limit, _ := strings.Cut(rule, "=")
	if name == "required" {
		return func(v reflect.Value) bool { return !isUnset(v) }
	}
	if name == "oneof" && t.Kind() == reflect.String {
		allowed := strings.Fields(limit)
		return func(v reflect.Value) bool {
			for _, s := range allowed {
				if v.String() == s {
					return true
				}
			}
			return false
		}
	}
	if t == reflect.TypeFor[time.Duration]() {
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return compare(name, limit, parseInt, func(v reflect.Value) int64 { return int64(utf8.RuneCountInString(v.String())) })
	case reflect.Slice:
		return compare(name, limit, parseInt, func(v reflect.Value) int64 { return int64(v.Len()) })
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return compare(name, limit, parseInt, reflect.Value.Int)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return compare(name, limit, func(s string) (uint64, error) { return strconv.ParseUint(s, 0, 64) }, reflect.Value.Uint)
	case reflect.Float64:
		return compare(name, limit, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }, reflect.Value.Float)
	default:
		return nil
	}
}

func parseInt(s string) (int64, error) { return strconv.ParseInt(s, 0, 64) }

// compare returns the check of a limit, or nil when the rule is none.
func compare[T int64 | uint64 | float64](rule, limit string, parse func(string) (T, error), of func(reflect.Value) T) accepter {
	p, err := parse(limit)
	if err != nil {
		return nil
	}
	switch rule {
	case "min", "gte":
		return func(v reflect.Value) bool { return of(v) >= p }
	case "max", "lte":
		return func(v reflect.Value) bool { return of(v) <= p }
	case "gt":
		return func(v reflect.Value) bool { return of(v) > p }
	case "lt":
		return func(v reflect.Value) bool { return of(v) < p }
	case "len":
		return func(v reflect.Value) bool { return of(v) == p }
	default:
		return nil
	}
}
