package message

import (
	"fmt"
	"reflect"

	"github.com/go-playground/validator/v10"
)

// checkModel refuses types that no body can be decoded into.
func checkModel(t reflect.Type) error {
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
	return nil
}

func hasTags(t reflect.Type) bool { return false }

func checkTags(v *validator.Validate, t reflect.Type) error { return nil }
