package envelope

import "reflect"

// structsOf returns each struct type in t, t's own first.
func structsOf(t reflect.Type) []reflect.Type {
	var found []reflect.Type
	seen := map[reflect.Type]bool{timeType: true}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		if seen[t] {
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

// fill makes v and, down to a depth, what is in it other than zero.
func fill(v reflect.Value, depth int) {
	t := v.Type()
	switch {
	case depth == 0 || !v.CanSet():
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
		fill(v.Elem(), depth-1)
	case t.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
		fill(v.Index(0), depth-1)
	case t.Kind() == reflect.Map:
		key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		fill(key, depth-1)
		fill(elem, depth-1)
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(key, elem)
	case t.Kind() == reflect.Struct && t != timeType:
		for _, field := range v.Fields() {
			fill(field, depth-1)
		}
	}
}
