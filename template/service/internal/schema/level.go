package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// level is what the versions of a schema must keep.
type level string

var levels = []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

func parseLevel(s string) (level, error) {
	for _, l := range levels {
		if strings.EqualFold(s, l) {
			return level(l), nil
		}
	}
	return "", fmt.Errorf("%q is no compatibility: it must be one of %s", s, strings.Join(levels, ", "))
}

// backward: the new schema reads what the old one wrote.
func (l level) backward() bool {
	return strings.HasPrefix(string(l), "BACKWARD") || strings.HasPrefix(string(l), "FULL")
}

// forward: the old schema reads what the new one writes.
func (l level) forward() bool {
	return strings.HasPrefix(string(l), "FORWARD") || strings.HasPrefix(string(l), "FULL")
}

// transitive: that goes for all versions and not only for the last.
func (l level) transitive() bool { return strings.HasSuffix(string(l), "_TRANSITIVE") }

// BreakError is the first thing that keeps one schema from reading what another
// wrote.
type BreakError struct {
	Field   string // its path; empty is the whole
	Problem string
	advice  string // to whoever can change the reader
}

func (b *BreakError) Error() string {
	text := b.Problem
	if b.Field != "" {
		text = fmt.Sprintf("field %s: %s", b.Field, text)
	}
	if b.advice != "" {
		text += ": " + b.advice
	}
	return text
}

// IncompatibleError says which version a schema does not go with, and why.
type IncompatibleError struct {
	Subject string
	Against string // "version 2", or a revision
	Level   string
	Break   *BreakError
}

func (e *IncompatibleError) Error() string {
	return fmt.Sprintf("schema of %s is not %s compatible with %s: %v", e.Subject, e.Level, e.Against, e.Break)
}

func (e *IncompatibleError) Unwrap() error { return e.Break }

// past is an earlier version of a schema.
type past struct {
	text string
	what string // how it is called in errors
}

// keeps returns an *IncompatibleError unless a schema keeps to the level
// towards those before it, the oldest first. An error that is errForeign says
// that one of them could not be compared.
func (l level) keeps(f format, subject, text string, before []past) error {
	if !l.transitive() && len(before) > 1 {
		before = before[len(before)-1:]
	}
	var foreign error
	for _, old := range slices.Backward(before) {
		var err error
		if l.backward() {
			err = f.compare(old.text, text)
		}
		if err == nil && l.forward() {
			err = f.compare(text, old.text)
			if b, ok := errors.AsType[*BreakError](err); ok {
				b.advice = "" // that reader is released already
			}
		}
		if b, ok := errors.AsType[*BreakError](err); ok {
			return &IncompatibleError{subject, old.what, string(l), b}
		}
		if err != nil {
			err = fmt.Errorf("%s of %s: %w", old.what, subject, err)
		}
		switch {
		case errors.Is(err, errForeign):
			foreign = err
		case err != nil:
			return err
		}
	}
	return foreign
}
