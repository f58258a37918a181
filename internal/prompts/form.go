package prompts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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

// Ask shows the sheet as one form and keeps its answers when it is submitted.
func (f form) Ask(ctx context.Context, sheet Sheet) error {
	useTerminal(f.out)
	s := newScreen(sheet)
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

// field is a question on the form, and what is entered there.
type field struct {
	Question
	huh.Field
	text   string
	chosen []string

	resize func(width int)
	enter  func()        // when it gets the focus; nil: nothing is to do
	option func() string // that the cursor is at; nil: it has none
}

// isAtEdge reports whether there is nothing in the field that an arrow leads to.
func (f *field) isAtEdge(arrow tea.KeyType) bool {
	if f.option == nil {
		return true
	}
	edge := f.Options[0]
	if arrow == tea.KeyDown {
		edge = f.Options[len(f.Options)-1]
	}
	return f.option() == edge.Key
}

func (f *field) Focus() tea.Cmd {
	if f.enter != nil {
		f.enter()
	}
	return f.Field.Focus()
}

// newField makes the field of a question; width is that of the longest title.
func newField(q Question, width int, theme *huh.Theme) *field {
	f := &field{Question: q}
	if len(q.Options) > 0 {
		f.choose()
	} else {
		f.input(width)
	}
	f.WithTheme(theme)
	f.WithKeyMap(huh.NewDefaultKeyMap())
	return f
}

// input has the field take a line of text. The default stands in it in brackets
// as long as nothing is entered.
func (f *field) input(width int) {
	q := f.Question
	in := huh.NewInput().
		Inline(true).
		Title(q.Title + fill(width-ansi.StringWidth(q.Title)+2)).
		Prompt("").
		Value(&f.text).
		Validate(func(text string) error { return flat(q.accept(text)) })
	f.Field = in
	f.enter = func() {
		if q.standing() != "" {
			in.Placeholder("[" + q.standing() + "]")
		}
	}
	f.enter()
	f.resize = func(width int) { in.WithWidth(width) }
}

// choose has the field take any number of the options. What they are good for
// is wrapped beside their names.
func (f *field) choose() {
	q := f.Question
	f.chosen = SplitList(q.Default)
	names := 0
	for _, o := range q.Options {
		names = max(names, len(o.Key))
	}
	in := huh.NewMultiSelect[string]().
		Title(q.Title + " to include").
		Filterable(false).
		Value(&f.chosen).
		Validate(func(chosen []string) error { return flat(q.Accept(JoinList(chosen))) })
	f.Field = in
	f.option = func() string {
		key, _ := in.Hovered()
		return key
	}
	wrapped := 0
	f.resize = func(width int) {
		if width == wrapped {
			return
		}
		wrapped = width
		var options []huh.Option[string]
		for _, o := range q.Options {
			name := o.Key + fill(names-len(o.Key)+2)
			help := ansi.Wrap(o.Help, max(width-names-len("| > [x]   "), 10), "")
			text := name + strings.ReplaceAll(help, "\n", "\n"+fill(len(name)))
			options = append(options, huh.NewOption(text, o.Key).Selected(slices.Contains(f.chosen, o.Key)))
		}
		in.Options(options...).WithWidth(width)
		f.pass(tea.KeyMsg{Type: tea.KeyHome}) // huh has scrolled to the first that is chosen
	}
}

// answer is what the field stands for.
func (f *field) answer() string {
	if len(f.Options) > 0 {
		return JoinList(f.chosen)
	}
	return f.effective(f.text)
}

// keep keeps the answer.
func (f *field) keep() error {
	if len(f.Options) > 0 {
		return f.Accept(f.answer())
	}
	return f.accept(f.text)
}

// legend says how to answer a question.
func legend(q Question) string {
	switch {
	case len(q.Options) > 0:
		return q.Help + "; space marks and unmarks with [x]"
	case q.Default != "":
		return q.Help + "; enter takes what is in brackets"
	}
	return q.Help
}

func fill(n int) string { return strings.Repeat(" ", max(n, 0)) }

// flat makes an error one line, which the form wraps.
func flat(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(oneLine(err))
}
