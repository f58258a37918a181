package main

import (
	"io"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/ouroboros-forge/forge/internal/prompts"
)

// terminal is what is known of where forge runs.
type terminal struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	interactive    bool // somebody can be asked: stdin and stderr are a terminal, and this is no CI
	live           bool // stderr can show a line that changes
	colour         bool // stdout can show colours, and they are wanted
	plain          bool // forms cannot be read here; ask line by line
}

func newTerminal(stdin io.Reader, stdout, stderr io.Writer) terminal {
	dumb := os.Getenv("TERM") == "dumb"
	return terminal{
		stdin: stdin, stdout: stdout, stderr: stderr,
		interactive: isTerminal(stdin) && isTerminal(stderr) && !inCI(),
		live:        isTerminal(stderr) && !dumb,
		colour:      isTerminal(stdout) && !dumb && os.Getenv("NO_COLOR") == "",
		plain:       dumb || os.Getenv("ACCESSIBLE") != "",
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func inCI() bool { return !slices.Contains([]string{"", "0", "false"}, os.Getenv("CI")) }

// width is how many columns a line on stdout may have.
func (t terminal) width() int {
	if f, ok := t.stdout.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// prompter returns who asks here, or nil when nobody can be asked. Asking line
// by line on request (accessible) also works on a pipe.
func (t terminal) prompter(accessible, noInput bool) prompts.Prompter {
	switch {
	case noInput || inCI():
		return nil
	case accessible, t.interactive && t.plain:
		return prompts.Lines(t.stdin, t.stderr)
	case t.interactive:
		return prompts.Form(t.stdin, t.stderr)
	}
	return nil
}

// Styles of results, where there are colours.
const (
	bold  = "1"
	faint = "2"
)

func (t terminal) style(style, text string) string {
	if !t.colour || style == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
