package prompts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const maxLine = 64 << 10

type lines struct {
	in  io.Reader
	out io.Writer
}

// none chooses no option where an empty line would stand for the default.
const none = "none"

// Ask asks each question until its answer is accepted.
func (l lines) Ask(ctx context.Context, sheet Sheet) error {
	fmt.Fprintln(l.out, sheet.Heading)
	rows := slices.Clone(sheet.Known)
	for _, q := range sheet.Questions {
		answer, err := l.ask(ctx, q)
		if err != nil {
			return err
		}
		rows = append(rows, q.row(answer))
	}
	if !sheet.Review {
		return nil
	}
	for _, line := range table(rows, usualWidth) {
		fmt.Fprintln(l.out, line)
	}
	yes := true
	if _, err := l.ask(ctx, YesNo("", "write it", "nothing is written yet", &yes)); err != nil {
		return err
	}
	if !yes {
		return ErrDeclined
	}
	return nil
}

// ask asks a question and returns the answer that was accepted.
func (l lines) ask(ctx context.Context, q Question) (string, error) {
	for _, o := range q.Options {
		fmt.Fprintf(l.out, "  %s: %s\n", o.Key, o.Help)
	}
	for {
		fmt.Fprint(l.out, ask(q))
		entered, err := l.readLine(ctx)
		if err != nil {
			fmt.Fprintln(l.out)
			return "", fmt.Errorf("%s: %w", q.Title, err)
		}
		answer := q.effective(entered)
		if len(q.Options) > 0 && answer == none {
			answer = ""
			err = q.Accept(answer)
		} else {
			err = q.accept(answer)
		}
		if err != nil {
			fmt.Fprintf(l.out, "not accepted: %s\n", oneLine(err))
			continue
		}
		if doubt := q.doubt(answer); doubt != "" {
			fmt.Fprintf(l.out, "taken, but: %s\n", doubt)
		}
		return answer, nil
	}
}

// ask is a question as a line: what is asked, how, and what an empty line gives.
func ask(q Question) string {
	help := q.Help
	if len(q.Options) > 0 {
		help = "separated by commas, or " + none
	}
	if help != "" {
		help = ", " + help
	}
	if q.Default == "" {
		return fmt.Sprintf("%s%s: ", q.Title, help)
	}
	return fmt.Sprintf("%s%s [%s]: ", q.Title, help, q.standing())
}

// readLine reads to the end of a line and no further: what follows belongs to
// the next question or to whoever reads the pipe after forge. A line that the
// end of the input cuts short counts. When ctx ends first, the read is left
// behind waiting: there is no way to take it back from a terminal.
func (l lines) readLine(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := readLine(l.in)
		done <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ErrInterrupted
	case r := <-done:
		return r.line, r.err
	}
}

func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxLine {
		n, err := in.Read(b[:])
		if n == 1 {
			if b[0] == '\n' {
				return strings.TrimSuffix(string(line), "\r"), nil
			}
			line = append(line, b[0])
			continue
		}
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case errors.Is(err, io.EOF):
			return "", ErrInputEnded
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("a line of more than %d bytes", maxLine)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
