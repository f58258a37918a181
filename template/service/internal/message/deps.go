package message

import (
	"fmt"
	"reflect"
	"strings"
)

// CheckDeps panics when an exported field of the struct deps is nil, and names
// each that is: a dependency that was forgotten ends the start, and not the
// first message. The tag optional:"true" is for a field that may be nil.
func CheckDeps(deps any) {
	v := reflect.Indirect(reflect.ValueOf(deps))
	var missing []string
	for field, value := range v.Fields() {
		if field.IsExported() && field.Tag.Get("optional") != "true" && isNil(value.Interface()) {
			missing = append(missing, field.Name)
		}
	}
	if len(missing) > 0 {
		panic(fmt.Errorf("message: %s lacks %s: set it where the struct is built, or tag it optional:\"true\"",
			v.Type(), strings.Join(missing, ", ")))
	}
}

// mustHave panics when v, which is called what, is nil.
func mustHave(v any, what string) {
	if isNil(v) {
		panic(fmt.Errorf("message: %s is nil", what))
	}
}

// isNil also reports a nil pointer in an interface.
func isNil(v any) bool {
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan:
		return value.IsNil()
	default:
		return false
	}
}
