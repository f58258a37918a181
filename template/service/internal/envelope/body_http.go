package envelope

import (
	"context"
	"fmt"
	"reflect"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Body reads and checks bodies by themselves, for those that come another way
// than in a message, such as in a web request. It takes and refuses what a
// registry does in an envelope. It may be used by several goroutines at once.
type Body[T any] struct{ check func(body any) error }

// NewBody returns the Body of a model. A mistake in the model is an error.
func NewBody[T any]() (*Body[T], error) {
	model := reflect.TypeFor[T]()
	if model.Kind() == reflect.Pointer {
		return nil, fmt.Errorf("envelope: use the model %s itself, not a pointer to it", model.Elem())
	}
	err := JSON{}.Bind("", model)
	if err != nil {
		return nil, fmt.Errorf("envelope: bodies of %s: %w", model, err)
	}
	check, err := NewRules().Of(model)
	if err != nil {
		return nil, fmt.Errorf("envelope: bodies of %s: %w", model, err)
	}
	return &Body[T]{check}, nil
}

// Read decodes a body and checks it. Errors are permanent: of ClassDecode when
// data is not JSON, and of ClassInvalid when it does not fit the model or breaks
// its rules; message.Fields then lists the fields.
func (b *Body[T]) Read(data []byte) (T, error) {
	var body T
	if err := (JSON{}).Decode(context.Background(), new(message.Message), data, &body); err != nil {
		return body, err
	}
	if b.check != nil {
		if err := b.check(&body); err != nil {
			return body, message.InvalidPart("body", err)
		}
	}
	return body, nil
}
