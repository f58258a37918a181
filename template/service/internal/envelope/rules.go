package envelope

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/go-playground/validator/v10"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Rules are those that models state themselves: by a method Validate() error,
// which then alone decides, or by validate tags as package validator reads them.
type Rules struct{ validate *validator.Validate }

// NewRules returns Rules that call fields as the JSON does.
func NewRules() *Rules {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	return &Rules{v}
}

// Of implements message.Rules. Wrong validate tags are an error.
func (r *Rules) Of(model reflect.Type) (check func(body any) error, err error) {
	if reflect.PointerTo(model).Implements(reflect.TypeFor[interface{ Validate() error }]()) {
		return func(body any) error {
			return body.(interface{ Validate() error }).Validate() //nolint:forcetypeassert // body points to a model
		}, nil
	}
	if err := r.tryTags(model); err != nil {
		return nil, err
	}
	switch model.Kind() {
	case reflect.Struct:
		return func(body any) error { return fieldErrors(r.validate.Struct(body)) }, nil
	case reflect.Slice, reflect.Array, reflect.Map:
		return func(body any) error {
			return fieldErrors(r.validate.Var(reflect.ValueOf(body).Elem().Interface(), "dive"))
		}, nil
	default:
		return nil, nil
	}
}

// tryTags tries the tags of each struct in t on a body that is not empty: on a
// wrong one the validator panics, but only when it comes to it.
func (r *Rules) tryTags(t reflect.Type) (err error) {
	var trying string
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s: wrong validate tag: %v", trying, v)
		}
	}()
	for _, s := range structsOf(t) {
		sample := reflect.New(s)
		fill(sample.Elem(), 4)
		for f := range s.Fields() {
			trying = s.String() + "." + f.Name
			_ = r.validate.StructPartial(sample.Interface(), f.Name)
		}
	}
	return nil
}

// fieldErrors returns all that the validator found, in the order of declaration.
func fieldErrors(err error) error {
	found, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	errs := make([]error, len(found))
	for i, f := range found {
		errs[i] = message.Invalid(fieldPath(f), ruleProblem(f))
	}
	return errors.Join(errs...)
}

// fieldPath is the path of a field below the body. Keys of maps are part of it,
// so it can have any length and any character.
func fieldPath(f validator.FieldError) string {
	path := f.Namespace()
	if !strings.HasPrefix(path, "[") { // it starts with the model's name
		_, path, _ = strings.Cut(path, ".")
	}
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, path)
	return fmt.Sprintf("%.*s", longestPath, printable)
}
