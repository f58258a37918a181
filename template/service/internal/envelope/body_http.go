package envelope

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Body reads and checks bodies by themselves, for those that come another way
// than in a message, such as in a web request. It takes and refuses what a
// registry does in an envelope. It may be used by several goroutines at once.
type Body[T any] struct {
	check  func(body any) error
	filler Filler
}

// Filler reads bodies of which the message will have more than their JSON says.
type Filler interface {
	// Fill reads a body into out, a pointer to a model, with the defaults of what is
	// absent. Its error has a *message.FieldError for each field that is missing or
	// does not fit.
	Fill(data []byte, out any) error
	// Needs reports whether a body must have a field.
	Needs(f reflect.StructField) bool
}

// NewBody returns the Body of a model. The filler may be nil. A mistake in the
// model is an error.
func NewBody[T any](filler Filler) (*Body[T], error) {
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
	return &Body[T]{check, filler}, nil
}

// Read decodes a body and checks it. Errors are permanent: of ClassDecode when
// data is not JSON, and of ClassInvalid when it does not fit the model or breaks
// its rules; message.Fields then lists the fields.
func (b *Body[T]) Read(data []byte) (T, error) {
	var body T
	if err := (JSON{}).Decode(context.Background(), new(message.Message), data, &body); err != nil {
		return body, err
	}
	if b.filler != nil {
		var filled T
		if err := b.filler.Fill(data, &filled); err != nil {
			return body, message.InvalidPart("body", b.byRules(err, data, &body))
		}
		body = filled
	}
	return body, b.checked(&body)
}

func (b *Body[T]) checked(body *T) error {
	if b.check == nil {
		return nil
	}
	if err := b.check(body); err != nil {
		return message.InvalidPart("body", err)
	}
	return nil
}

// byRules returns the filler's error in the words of the rules, where they find
// fault with a field that is there, and with what else they find.
func (b *Body[T]) byRules(err error, data []byte, body *T) error {
	var given map[string]jsontext.Value
	_ = json.Unmarshal(data, &given) // a body that is no object has no fields
	var errs []error
	rules := message.Fields(b.checked(body))
	filled := message.Fields(err)
	for _, f := range filled {
		at := slices.IndexFunc(rules, func(r message.FieldError) bool { return r.Field == f.Field })
		if at >= 0 && f.Problem != "is required" {
			f = rules[at]
		}
		errs = append(errs, &f)
	}
	for _, r := range rules {
		name := r.Field[:max(0, strings.IndexAny(r.Field+".", ".["))]
		isNew := !slices.ContainsFunc(filled, func(f message.FieldError) bool { return f.Field == r.Field })
		if _, there := given[name]; there && isNew { // else it has a default, which was not looked at
			errs = append(errs, &r)
		}
	}
	return errors.Join(errs...)
}
