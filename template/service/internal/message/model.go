package message

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-playground/validator/v10"
)

// What is wrong with a model would otherwise be found by its first message, in
// production: unknown rules panic, and so do rules that do not go with their
// field's type. So each registration looks at every type that a body can have
// inside it.

// checkModel refuses types that no body can be decoded into.
func checkModel(t reflect.Type, codec Codec) error {
	switch t.Kind() {
	case reflect.Pointer:
		return fmt.Errorf("use the model %s itself, not a pointer to it", t.Elem())
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Errorf("a %s cannot be a body", t.Kind())
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("the interface %s cannot be a body", t)
		}
	default:
	}
	if _, ok := codec.(JSON); ok {
		return checkJSON(t)
	}
	return nil
}

// checkJSON tries each struct in t once, because its json tags are read at the
// first use of its type.
func checkJSON(t reflect.Type) error {
	for s := range structs(t) {
		if readsItself(s) {
			continue
		}
		if err := json.Unmarshal([]byte("{}"), reflect.New(s).Interface()); err != nil {
			return fmt.Errorf("%s cannot be read from JSON: %w", s, err)
		}
	}
	return nil
}

// structs yields each struct type in t, t's own first.
func structs(t reflect.Type) func(yield func(reflect.Type) bool) {
	return func(yield func(reflect.Type) bool) {
		walk(t, make(map[reflect.Type]bool), yield)
	}
}

func walk(t reflect.Type, seen map[reflect.Type]bool, yield func(reflect.Type) bool) bool {
	if seen[t] {
		return true
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return walk(t.Elem(), seen, yield)
	case reflect.Map:
		return walk(t.Key(), seen, yield) && walk(t.Elem(), seen, yield)
	case reflect.Struct:
		if t == timeType {
			return true
		}
		if !yield(t) {
			return false
		}
		for f := range t.Fields() {
			if (f.IsExported() || f.Anonymous) && !walk(f.Type, seen, yield) {
				return false
			}
		}
	default:
	}
	return true
}

// hasTags reports whether any struct in t has a validate tag.
func hasTags(t reflect.Type) bool {
	for s := range structs(t) {
		for f := range s.Fields() {
			if tag := f.Tag.Get("validate"); tag != "" && tag != "-" {
				return true
			}
		}
	}
	return false
}

// checkTags tries each rule of each validate tag in t.
func checkTags(v *validator.Validate, t reflect.Type) error {
	for s := range structs(t) {
		if err := try(func() { _ = v.Struct(reflect.New(s).Interface()) }); err != nil {
			return fmt.Errorf("%s: wrong validate tag: %w", s, err)
		}
		for f := range s.Fields() {
			if tag := f.Tag.Get("validate"); f.IsExported() && tag != "-" {
				if err := checkRules(v, f.Type, tag); err != nil {
					return fmt.Errorf("%s.%s: wrong validate tag %q: %w", s, f.Name, tag, err)
				}
			}
		}
	}
	return nil
}

// checkRules tries the rules of one tag on a field of type t, one by one,
// because the validator stops at the first that fails.
func checkRules(v *validator.Validate, t reflect.Type, tag string) error {
	for rule := range strings.SplitSeq(tag, ",") {
		name, _, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive":
			for t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			switch t.Kind() {
			case reflect.Slice, reflect.Array, reflect.Map:
				t = t.Elem()
			default:
				return fmt.Errorf("cannot dive into a %s", t)
			}
		case name == "keys":
			return nil // rules for keys of maps are tried by the first map
		case needsOthers(name):
		default:
			if err := try(func() { _ = v.Var(sample(t).Interface(), rule) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// needsOthers reports whether a rule looks at other fields, or is no rule for a
// value at all, so that it cannot be tried alone.
func needsOthers(rule string) bool {
	switch rule {
	case "", "omitempty", "omitnil", "omitzero", "structonly", "nostructlevel", "validateFn", "isdefault":
		return true
	}
	return strings.HasSuffix(rule, "field") || strings.HasPrefix(rule, "required_") ||
		strings.HasPrefix(rule, "excluded_") || strings.HasPrefix(rule, "skip_") ||
		strings.HasPrefix(rule, "field")
}

// sample returns a value of t that is not zero, if t is simple: rules are not
// tried on what is empty.
func sample(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("1")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sample(t.Elem()))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
	default:
	}
	return v
}

// try returns the panic of f as an error.
func try(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	f()
	return nil
}
