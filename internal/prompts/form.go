package prompts

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/huh"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"github.com/ouroboros-forge/forge/internal/prompts/noquery"
)

func init() { noquery.Restore() }

type form struct {
	in  io.Reader
	out io.Writer
}

// Ask shows the questions as one form and keeps its answers when it is
// submitted.
func (f form) Ask(ctx context.Context, heading string, questions []Question) error {
	useTerminal(f.out)
	s := newScreen(heading, questions)
	_, err := tea.NewProgram(s, tea.WithContext(ctx), tea.WithInput(f.in), tea.WithOutput(f.out),
		tea.WithoutSignalHandler(), // ctx ends on a signal; two masters would race
	).Run()
	switch {
	case ctx.Err() != nil, errors.Is(err, tea.ErrInterrupted):
		return ErrInterrupted
	case err != nil:
		return fmt.Errorf("the form failed: %w", err)
	}
	return s.submit()
}

// useTerminal makes the styles of the form those of the terminal it is shown
// on, which is not the standard output, without asking it for its background:
// the theme has no colours that depend on it.
func useTerminal(out io.Writer) {
	r := lipgloss.NewRenderer(out)
	r.SetHasDarkBackground(true)
	lipgloss.SetDefaultRenderer(r)
}

// field is what the form holds of a question's answer.
type field struct {
	text   string
	chosen []string
}

func (f *field) answer(q Question) string {
	if len(q.Options) > 0 {
		return JoinList(f.chosen)
	}
	return f.text
}

func acceptField(q Question, f *field) error {
	if len(q.Options) > 0 {
		return q.Accept(f.answer(q))
	}
	return q.accept(f.answer(q))
}

func input(q Question, f *field, width int) huh.Field {
	return huh.NewInput().
		Key(q.Key).
		Inline(true).
		Title(q.Title + fill(width-ansi.StringWidth(q.Title)+2)).
		Prompt("").
		Placeholder(q.Default).
		Value(&f.text).
		Validate(func(text string) error { return flat(q.accept(text)) })
}

func choice(q Question, f *field) huh.Field {
	f.chosen = SplitList(q.Default)
	width := 0
	for _, o := range q.Options {
		width = max(width, len(o.Key))
	}
	var options []huh.Option[string]
	for _, o := range q.Options {
		options = append(options, huh.NewOption(o.Key+fill(width-len(o.Key)+2)+o.Help, o.Key))
	}
	return huh.NewMultiSelect[string]().
		Key(q.Key).
		Title(q.Title).
		Options(options...).
		Filterable(false).
		Value(&f.chosen).
		Validate(func(chosen []string) error { return flat(q.Accept(JoinList(chosen))) })
}

// legend says how to answer a question.
func legend(q Question) string {
	switch {
	case len(q.Options) > 0:
		return q.Help + "; space chooses, enter ends"
	case q.Default != "":
		return q.Help + "; enter keeps what is grey"
	}
	return q.Help
}

func fill(n int) string { return fmt.Sprintf("%*s", max(n, 0), "") }

// flat makes an error one line, as the form's foot has room for.
func flat(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(oneLine(err))
}
