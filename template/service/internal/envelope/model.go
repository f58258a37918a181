package envelope

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// structsOf returns each struct type in t, t's own first.
func structsOf(t reflect.Type) []reflect.Type {
	var found []reflect.Type
	seen := make(map[reflect.Type]bool)
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		if seen[t] || t == timeType {
			return
		}
		seen[t] = true
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(t.Elem())
		case reflect.Map:
			walk(t.Key())
			walk(t.Elem())
		case reflect.Struct:
			found = append(found, t)
			for f := range t.Fields() {
				if f.IsExported() || f.Anonymous {
					walk(f.Type)
				}
			}
		default:
		}
	}
	walk(t)
	return found
}

// hasTags reports whether any struct in t has a validate tag.
func hasTags(t reflect.Type) bool {
	return slices.ContainsFunc(structsOf(t), func(s reflect.Type) bool {
		for f := range s.Fields() {
			if tag := f.Tag.Get("validate"); tag != "" && tag != "-" {
				return true
			}
		}
		return false
	})
}

// tryTags tries the rules of each validate tag in t one by one, because the
// validator panics on a wrong one, but stops at the first that a value breaks.
func (r *Rules) tryTags(t reflect.Type) error {
	for _, s := range structsOf(t) {
		if err := catch(func() { _ = r.validate.Struct(reflect.New(s).Interface()) }); err != nil {
			return fmt.Errorf("%s: wrong validate tag: %w", s, err)
		}
		for f := range s.Fields() {
			tag := f.Tag.Get("validate")
			if !f.IsExported() || tag == "-" {
				continue
			}
			if err := catch(func() { r.tryTag(f.Type, tag) }); err != nil {
				return fmt.Errorf("%s.%s: wrong validate tag %q: %w", s, f.Name, tag, err)
			}
		}
	}
	return nil
}

func (r *Rules) tryTag(t reflect.Type, tag string) {
	for rule := range strings.SplitSeq(tag, ",") {
		name, _, _ := strings.Cut(rule, "=")
		switch {
		case name == "dive":
			for t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			t = t.Elem()
		case name == "keys": // these are tried by the first map
			return
		case !standsAlone(name):
		default:
			_ = r.validate.Var(sampleOf(t).Interface(), rule)
		}
	}
}

// standsAlone reports whether a rule can be tried without the fields beside it.
func standsAlone(rule string) bool {
	switch rule {
	case "", "omitempty", "omitnil", "omitzero", "structonly", "nostructlevel", "validateFn", "isdefault":
		return false
	}
	for _, prefix := range []string{"required_", "excluded_", "skip_", "field"} {
		if strings.HasPrefix(rule, prefix) {
			return false
		}
	}
	return !strings.HasSuffix(rule, "field")
}

// sampleOf returns a value of t that is not zero, if t is simple: rules are not
// tried on what is empty.
func sampleOf(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	case t.Kind() == reflect.String:
		v.SetString("1")
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(sampleOf(t.Elem()))
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
	}
	return v
}

// catch returns the panic of f as an error.
func catch(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	f()
	return nil
}
