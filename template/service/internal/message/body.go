package message

import (
	"fmt"
	"reflect"
)

// Body reads and checks bodies by themselves, for those that come another way
// than in a message, such as in a web request. It takes and refuses what a
// Registry does in an envelope of JSON. It may be used by several goroutines at
// once.
type Body[T any] struct{ check func(*T) error }

// NewBody returns the Body of a model. A mistake in the model is an error, as
// it is of RegisterSafely.
func NewBody[T any]() (*Body[T], error) {
	t := reflect.TypeFor[T]()
	if err := checkModel(t, JSON{}); err != nil {
		return nil, fmt.Errorf("message: bodies of %s: %w", t, err)
	}
	check, err := validation[T](newValidator())
	if err != nil {
		return nil, fmt.Errorf("message: bodies of %s: %w", t, err)
	}
	return &Body[T]{check}, nil
}

// Read decodes a body and checks it. Errors are permanent: of ClassDecode when
// data is not JSON, and of ClassInvalid when it does not fit the model or breaks
// its rules; Fields then tells the fields at fault.
func (b *Body[T]) Read(data []byte) (T, error) {
	var body T
	if err := readAlone(data, &body); err != nil {
		return body, err
	}
	if b.check != nil {
		if err := b.check(&body); err != nil {
			return body, invalid("body", err)
		}
	}
	return body, nil
}

// Fields lists what err says of fields: each that is at fault, in the order of
// the model. Paths are below the body or the header. It is empty when err is
// about something else.
func Fields(err error) []FieldError {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself
	case *FieldError:
		return []FieldError{*e}
	case interface{ Unwrap() []error }:
		var all []FieldError
		for _, err := range e.Unwrap() {
			all = append(all, Fields(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Fields(e.Unwrap())
	}
	return nil
}
