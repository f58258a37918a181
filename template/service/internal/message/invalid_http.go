package message

// Fields lists the fields that err is about, in the order of the model, with
// paths below the body or the header. It is empty when err is about something
// else.
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
