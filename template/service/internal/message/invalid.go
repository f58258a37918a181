package message

import (
	"fmt"
	"strings"
)

// Invalid returns a *FieldError, for a model's Validate method and for the
// rules of headers:
//
//	return message.Invalid("amount", "must be greater than 0")
//
// Several of them go together with errors.Join. The problem ends up in logs
// and dead letters, so it should not show the field's value.
func Invalid(field, problem string) error { return &FieldError{field, problem} }

// Required is Invalid for a field without a value, and nil for one that has one.
func Required(field, value string) error {
	if value == "" {
		return Invalid(field, "is required")
	}
	return nil
}

// FieldError says which field breaks which rule.
type FieldError struct {
	Field   string // its name in the JSON, or its path below the body or the header; empty is the whole
	Problem string // "must be greater than 0"
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}

// Quote returns text of a message as a reason may show it: in quotes, escaped and
// cut. A reason shows only a refused timestamp or message type of the header, and
// names of fields and keys; never a value of the body.
func Quote(text string) string { return fmt.Sprintf("%.40q", text) }

// InvalidPart returns the permanent error of ClassInvalid for what is wrong with a part of
// an envelope, "header" or "body". Its text has the whole path of each field.
func InvalidPart(part string, err error) error {
	return &Error{Class: ClassInvalid, Err: &partError{part, err}, Outcome: OutcomePermanent}
}

type partError struct {
	part string
	err  error
}

func (e *partError) Unwrap() error { return e.err }

func (e *partError) Error() string {
	switch err := e.err.(type) { //nolint:errorlint // this walks the tree itself
	case interface{ Unwrap() []error }:
		var texts []string
		for _, err := range err.Unwrap() {
			texts = append(texts, (&partError{e.part, err}).Error())
		}
		return strings.Join(texts, "; ")
	case *FieldError:
		if strings.HasPrefix(err.Field, "[") {
			return e.part + err.Error()
		} else if err.Field != "" {
			return e.part + "." + err.Error()
		}
	}
	return e.part + ": " + e.err.Error()
}
