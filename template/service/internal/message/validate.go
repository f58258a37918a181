package message

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"unicode"

	"github.com/go-playground/validator/v10"
)

// validated is a handler behind the check of the body.
type validated[T any] struct {
	check func(*T) error
	next  Handler
}

func (v validated[T]) Handle(ctx context.Context, m *Message) error {
	if body, ok := m.Body.(*T); ok {
		if err := v.check(body); err != nil {
			return invalid("body", err)
		}
	}
	return v.next.Handle(ctx, m)
}

// newValidator returns a validator that calls fields as the JSON does.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(jsonName)
	return v
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// validation returns the check of a T: its own Validate, or else its validate
// tags, or nil when there is nothing to check. Tags that are wrong are an error.
func validation[T any](v *validator.Validate) (func(*T) error, error) {
	if _, ok := any(new(T)).(interface{ Validate() error }); ok {
		return func(body *T) error { return any(body).(interface{ Validate() error }).Validate() }, nil
	}
	t := reflect.TypeFor[T]()
	if !hasTags(t) {
		return nil, nil
	}
	if err := checkTags(v, t); err != nil {
		return nil, err
	}
	if t.Kind() == reflect.Struct {
		accept, ok := accepterOf(t, nil, nil)
		return func(body *T) error {
			if ok && accept(reflect.ValueOf(body).Elem()) {
				return nil
			}
			return fieldErrors(v.Struct(body))
		}, nil
	}
	return func(body *T) error { return fieldErrors(v.Var(*body, "dive")) }, nil
}

// fieldErrors returns what the validator found in the words of this package,
// all of it, in the order of declaration.
func fieldErrors(err error) error {
	found, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	errs := make([]error, len(found))
	for i, f := range found {
		errs[i] = Invalid(fieldPath(f), problem(f))
	}
	return errors.Join(errs...)
}

// fieldPath is the path of a field below the body. Keys of maps are part of
// it, so it can be of any length and have any character.
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
	return shorten(printable, 3*longestQuote)
}
