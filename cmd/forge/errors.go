package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2   // wrong usage or a refused answer
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
	say(stderr, "error", err.Error())
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

// knownCommand refuses what is no command, with the nearest that is.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near[0])
	}
	return usage(hint, "unknown command %q", args[0])
}

// flagError gives pflag's errors forge's form.
func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("see `%s --help`", cmd.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if near(f.Name, unknown.GetSpecifiedName()) {
				hint = fmt.Sprintf("did you mean --%s?", f.Name)
			}
		})
	}
	return usage(hint, "%w", err)
}

// near reports whether somebody who typed given may have meant name.
func near(name, given string) bool {
	return len(given) > 1 && (strings.HasPrefix(name, given) || strings.HasPrefix(given, name))
}
