package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2   // wrong usage or a refused answer
	exitLeft        = 3   // done, or in order, but for something that is left to the user
	exitInterrupted = 130 // as a shell has it for Ctrl-C
)

// failure is an error with what to try next, and the exit code it ends forge
// with.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is an error of how forge was called, with a hint that may be empty.
func usage(hint, format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// failed is an error of what forge tried to do, with a hint.
func failed(hint, format string, args ...any) error {
	return &failure{code: exitFailure, err: fmt.Errorf(format, args...), hint: hint}
}

// report prints err, if there is one, and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code, hint := exitFailure, ""
	if f, ok := errors.AsType[*failure](err); ok {
		code, hint = f.code, f.hint
	}
	what := "error"
	if code == exitLeft { // what could be done is done
		what = "note"
	}
	say(stderr, what, err.Error())
	say(stderr, "hint", hint)
	return code
}

func say(w io.Writer, what, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "forge: %s: %s\n", what, strings.TrimRight(line, "\n"))
	}
}

// interrupted is the error of what the user broke off; left tells what is left
// of it.
func interrupted(left string) error {
	return &failure{code: exitInterrupted, err: errors.New("interrupted, " + left)}
}

const nothingWritten = "nothing was written"
