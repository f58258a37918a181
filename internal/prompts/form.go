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
	screen, fields := build(heading, questions)
	screen = screen.WithProgramOptions(
		tea.WithInput(f.in), tea.WithOutput(f.out),
		tea.WithoutSignalHandler(), // ctx ends on a signal; two masters would race
	)
	err := screen.RunWithContext(ctx)
	switch {
	case ctx.Err() != nil, errors.Is(err, huh.ErrUserAborted):
		return ErrInterrupted
	case err != nil:
		return fmt.Errorf("the form failed: %w", err)
	}
	return submit(questions, fields)
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

// build makes the form and the places its answers go to.
func build(heading string, questions []Question) (*huh.Form, []*field) {
	width := 0
	for _, q := range questions {
		width = max(width, ansi.StringWidth(q.Title))
	}
	var inputs []huh.Field
	var fields []*field
	for _, q := range questions {
		f := new(field)
		fields = append(fields, f)
		if len(q.Options) > 0 {
			inputs = append(inputs, choice(q, f))
		} else {
			inputs = append(inputs, input(q, f, width))
		}
	}
	group := huh.NewGroup(inputs...).Title(heading).Description(legend(questions))
	return huh.NewForm(group).WithTheme(theme()), fields
}

// submit keeps what the form holds when it is done. Fields were checked one by
// one before, in any order and maybe several times.
func submit(questions []Question, fields []*field) error {
	for i, q := range questions {
		if err := acceptField(q, fields[i]); err != nil {
			return fmt.Errorf("%s: %w", q.Title, err)
		}
	}
	return nil
}

func acceptField(q Question, f *field) error {
	if len(q.Options) > 0 {
		return q.Accept(f.answer(q))
	}
	return q.accept(f.answer(q))
}

func input(q Question, f *field, width int) huh.Field {
	return huh.NewInput().
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
		Title(q.Title).
		Options(options...).
		Filterable(false).
		Value(&f.chosen).
		Validate(func(chosen []string) error { return flat(q.Accept(JoinList(chosen))) })
}

// legend says how to fill in the form.
func legend(questions []Question) string {
	for _, q := range questions {
		if q.Default != "" {
			return "enter keeps what is grey"
		}
	}
	return ""
}

func fill(n int) string { return fmt.Sprintf("%*s", max(n, 0), "") }

// flat makes an error one line, as the form's foot has room for.
func flat(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(oneLine(err))
}
