package message

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// PanicError is a panic that became an error.
type PanicError struct {
	Value any // what panic was called with
	stack []byte
}

// NewPanicError returns the permanent error of ClassPanic for a recovered
// value. Call it where the value was recovered: it takes the stack.
func NewPanicError(value any) error {
	return &Error{Class: ClassPanic, Err: &PanicError{value, debug.Stack()}, Outcome: OutcomePermanent}
}

// Error is one short line, for logs and dead letters.
func (e *PanicError) Error() string {
	line, _, _ := strings.Cut(fmt.Sprint(e.Value), "\n")
	return fmt.Sprintf("panic: %.200s", line)
}

// Unwrap returns the value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Stack returns the stack of the goroutine that panicked.
func (e *PanicError) Stack() []byte { return e.stack }
