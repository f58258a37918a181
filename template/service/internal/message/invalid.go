package message

import "strings"

// FieldError says which field breaks which rule. Invalid makes one.
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

// in is Error with the field's whole path.
func (e *FieldError) in(part string) string {
	switch {
	case e.Field == "":
		return part + ": " + e.Problem
	case strings.HasPrefix(e.Field, "["):
		return part + e.Error()
	}
	return part + "." + e.Error()
}

// Invalid returns a *FieldError, for a model's Validate method and for the
// rules of Registry.CheckHeader:
//
//	return message.Invalid("amount", "must be greater than 0")
//
// Several of them go together with errors.Join. The problem ends up in logs
// and dead letters, so it should not show the field's value.
func Invalid(field, problem string) error { return &FieldError{field, problem} }

// invalid returns the permanent error for what was found wrong in a part of
// the envelope, "header" or "body".
func invalid(part string, err error) error {
	return &Error{Class: ClassInvalid, Err: &partError{part, err}, Outcome: NeverMore}
}

// partError is an error with the paths of its fields made complete.
type partError struct {
	part string
	err  error
}

func (e *partError) Error() string { return within(e.part, e.err) }

func (e *partError) Unwrap() error { return e.err }

func within(part string, err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, err := range joined.Unwrap() {
			texts = append(texts, within(part, err))
		}
		return strings.Join(texts, "; ")
	}
	if f, ok := err.(interface{ in(string) string }); ok {
		return f.in(part)
	}
	return part + ": " + err.Error()
}
