package prompts

import (
	"cmp"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/huh"
	"github.com/charmbracelet/x/ansi"
)

// screen is a form on a terminal. It adds two things to huh's: it shows how to
// answer the question that the cursor is at, and it keeps keys in order. When a
// field is left, huh's form hears of it by a message that queues behind keys
// typed already, and so what is pasted or typed ahead would end up in the
// field before its own.
type screen struct {
	form      *huh.Form
	group     *huh.Group
	questions []Question
	fields    []*field

	held  bool         // a field is being left
	typed []tea.KeyMsg // keys since then
}

// released says that whatever follows from a key has happened.
type released struct{}

func newScreen(heading string, questions []Question) *screen {
	width := 0
	for _, q := range questions {
		width = max(width, ansi.StringWidth(q.Title))
	}
	s := &screen{questions: questions}
	var inputs []huh.Field
	for _, q := range questions {
		f := new(field)
		s.fields = append(s.fields, f)
		if len(q.Options) > 0 {
			inputs = append(inputs, choice(q, f))
		} else {
			inputs = append(inputs, input(q, f, width))
		}
	}
	s.group = huh.NewGroup(inputs...).Title(heading).Description(legend(questions[0]))
	s.form = huh.NewForm(s.group).WithTheme(theme())
	s.form.SubmitCmd, s.form.CancelCmd = tea.Quit, tea.Interrupt
	return s
}

// leastWidth is what the form is drawn for in narrower windows, because huh's
// inputs panic in fewer columns than their text needs, and usualHeight in those
// that have no size.
const (
	leastWidth  = 40
	usualHeight = 24
)

// Init starts the form.
func (s *screen) Init() tea.Cmd { return s.form.Init() }

// View draws the form.
func (s *screen) View() string { return s.form.View() }

// Update hands a message on to the form.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		msg.Width = max(msg.Width, leastWidth)
		msg.Height = cmp.Or(msg.Height, usualHeight)
		return s, s.pass(msg)
	case tea.KeyMsg:
		if msg.Type == tea.KeyCtrlJ { // an Enter from before the terminal was the form's
			msg.Type = tea.KeyEnter
		}
		if s.held && msg.Type != tea.KeyCtrlC {
			s.typed = append(s.typed, msg)
			return s, nil
		}
		return s, s.key(msg)
	case released:
		return s, s.release()
	}
	return s, s.pass(msg)
}

// key hands on a key. One that may leave the field holds those that come after.
func (s *screen) key(msg tea.KeyMsg) tea.Cmd {
	cmd := s.pass(msg)
	switch msg.Type {
	case tea.KeyEnter, tea.KeyTab, tea.KeyShiftTab:
		s.held = true
		return tea.Sequence(cmd, func() tea.Msg { return released{} })
	}
	return cmd
}

// release hands on the keys that were held, up to one that holds again.
func (s *screen) release() tea.Cmd {
	s.held = false
	var cmds []tea.Cmd
	for len(s.typed) > 0 && !s.held {
		next := s.typed[0]
		s.typed = s.typed[1:]
		cmds = append(cmds, s.key(next))
	}
	return tea.Batch(cmds...)
}

func (s *screen) pass(msg tea.Msg) tea.Cmd {
	_, cmd := s.form.Update(msg)
	if focused := s.form.GetFocusedField(); focused != nil {
		for _, q := range s.questions {
			if q.Key == focused.GetKey() {
				s.group.Description(legend(q))
			}
		}
	}
	return cmd
}

// submit keeps what the form holds when it is done. Fields were checked one by
// one before, in any order and maybe several times.
func (s *screen) submit() error {
	for i, q := range s.questions {
		if err := acceptField(q, s.fields[i]); err != nil {
			return fmt.Errorf("%s: %w", q.Title, err)
		}
	}
	return nil
}
