package prompts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
)

// screen is a form on a terminal: huh's fields, in a frame of our own. huh's
// frame shows errors without their fields and instead of the keys, and moves the
// cursor by messages that queue behind keys typed already.
type screen struct {
	sheet         Sheet
	fields        []*field
	at            int // the field that the cursor is at; after the last is the review
	width, height int
	submitted     bool
	styles        styles
}

// What a window has that does not say, and what the form is drawn for at least,
// because huh's inputs panic in fewer columns than their text needs.
const (
	usualWidth  = 80
	usualHeight = 24
	leastWidth  = 40
)

func newScreen(sheet Sheet) *screen {
	s := &screen{sheet: sheet, styles: newStyles()}
	width := 0
	for _, q := range sheet.Questions {
		width = max(width, ansi.StringWidth(q.Title))
	}
	for _, q := range sheet.Questions {
		s.fields = append(s.fields, newField(q, width, s.styles.theme()))
	}
	s.resize(tea.WindowSizeMsg{Width: usualWidth, Height: usualHeight})
	return s
}

// Init starts the form.
func (s *screen) Init() tea.Cmd { return s.fields[s.at].Focus() }

// Update hands a message on to the fields.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.resize(msg)
		return s, tea.ClearScreen // what a narrower window has wrapped would stay
	case tea.KeyMsg:
		return s, s.key(msg)
	}
	var cmds []tea.Cmd
	for _, f := range s.fields {
		cmds = append(cmds, f.pass(msg))
	}
	return s, tea.Batch(cmds...)
}

func (s *screen) resize(msg tea.WindowSizeMsg) {
	s.width = max(cmp.Or(msg.Width, usualWidth), leastWidth) - 1 // the last column stays free
	s.height = cmp.Or(msg.Height, usualHeight)
	for _, f := range s.fields {
		f.resize(s.width)
		f.pass(msg)
	}
}

// pass has huh's field take a message.
func (f *field) pass(msg tea.Msg) tea.Cmd {
	_, cmd := f.Update(msg)
	return cmd
}

func (s *screen) key(msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyCtrlC:
		return tea.Interrupt
	case tea.KeyEsc, tea.KeyShiftTab:
		return s.move(max(s.at-1, 0))
	case tea.KeyEnter, tea.KeyCtrlJ: // Ctrl-J is an Enter from before the terminal was the form's
		return s.forward()
	case tea.KeyTab:
		return s.down()
	case tea.KeyUp, tea.KeyDown:
		switch {
		case !s.reviewing() && !s.fields[s.at].isAtEdge(msg.Type): // the options have it
		case msg.Type == tea.KeyUp:
			return s.move(max(s.at-1, 0))
		default:
			return s.down()
		}
	}
	if s.reviewing() {
		return nil
	}
	return s.fields[s.at].pass(msg)
}

// down is forward, but not out of the form, which is sent by Enter only.
func (s *screen) down() tea.Cmd {
	if s.at < len(s.fields)-1 {
		return s.forward()
	}
	return nil
}

func (s *screen) reviewing() bool { return s.at == len(s.fields) }

// forward leaves a field if its answer is accepted. From the last one it leads
// to the first that is not, to the review, or to the end.
func (s *screen) forward() tea.Cmd {
	if !s.reviewing() {
		f := s.fields[s.at]
		f.pass(tea.KeyMsg{Type: tea.KeyEnter}) // has it check its answer
		if f.Error() != nil {
			return nil
		}
	}
	wrong := slices.IndexFunc(s.fields, func(f *field) bool { return f.Error() != nil })
	switch next := s.at + 1; {
	case next < len(s.fields):
		return s.move(next)
	case wrong >= 0:
		return s.move(wrong)
	case next == len(s.fields) && s.sheet.Review:
		return s.move(next)
	}
	s.submitted = true
	return tea.Quit
}

// move takes the cursor to a field, or to the review.
func (s *screen) move(to int) tea.Cmd {
	var cmds []tea.Cmd
	if !s.reviewing() {
		cmds = append(cmds, s.fields[s.at].Blur())
	}
	s.at = to
	if !s.reviewing() {
		cmds = append(cmds, s.fields[s.at].Focus())
	}
	return tea.Batch(cmds...)
}

// submit keeps what the form holds when it is done. Fields were checked one by
// one before, in any order and maybe several times.
func (s *screen) submit() error {
	for _, f := range s.fields {
		if err := f.keep(); err != nil {
			return fmt.Errorf("%s: %w", f.Title, err)
		}
	}
	return nil
}

// View draws the form: a head, the fields, and the keys in the last line. Where
// the window is too low for all fields, those around the cursor are shown.
func (s *screen) View() string {
	if s.submitted {
		return ""
	}
	explained := "this is what will be written"
	body, top, bottom := s.review(), 0, 0
	if !s.reviewing() {
		explained = legend(s.fields[s.at].Question)
		body, top, bottom = s.form()
	}
	head := styled(s.styles.strong, s.sheet.Heading, s.width)
	head = append(head, styled(s.styles.faint, explained, s.width)...)
	foot := append([]string{""}, styled(s.styles.faint, s.keys(), s.width)...)

	if room := max(s.height-len(head)-len(foot), 1); len(body) > room {
		from := min(max(bottom-room, 0), top)
		body = body[from:min(from+room, len(body))]
	}
	return strings.Join(slices.Concat(head, body, foot), "\n")
}

// form draws the fields, and says which of the lines are those at the cursor.
func (s *screen) form() (body []string, top, bottom int) {
	for i, f := range s.fields {
		start := len(body)
		body = append(body, strings.Split(f.View(), "\n")...)
		if err := f.Error(); err != nil {
			body = append(body, s.remark(s.styles.wrong, "✗ ", f.Title+": "+err.Error())...)
		} else if doubt := f.doubt(f.answer()); doubt != "" && i != s.at {
			body = append(body, s.remark(s.styles.accent, "? ", f.Title+": "+doubt)...)
		}
		if i == s.at {
			top, bottom = start, len(body)
		}
	}
	return body, top, bottom
}

// review draws all answers.
func (s *screen) review() []string {
	rows := slices.Clone(s.sheet.Known)
	var doubts []string
	for _, f := range s.fields {
		rows = append(rows, f.row(f.answer()))
		if doubt := f.doubt(f.answer()); doubt != "" {
			doubts = append(doubts, s.remark(s.styles.accent, "? ", f.Title+": "+doubt)...)
		}
	}
	return append(table(rows, s.width), doubts...)
}

// remark is a line about a field, wrapped and indented.
func (s *screen) remark(style lipgloss.Style, mark, text string) []string {
	wrapped := strings.Split(ansi.Wrap(text, s.width-4, ""), "\n")
	for i, line := range wrapped {
		if i > 0 {
			mark = "  "
		}
		wrapped[i] = "  " + style.Render(mark+line)
	}
	return wrapped
}

// keys are those that do something where the cursor is.
func (s *screen) keys() string {
	next, back := "enter next", " · esc back"
	switch {
	case s.reviewing():
		next = "enter writes it"
	case s.at == len(s.fields)-1 && !s.sheet.Review:
		next = "enter continues"
	}
	if s.at == 0 {
		back = ""
	}
	if !s.reviewing() && len(s.fields[s.at].Options) > 0 {
		next = "space marks · ↑↓ move · " + next
	}
	return next + back + " · ctrl+c quits"
}

// table lines up the answers of rows in the columns of a window.
func table(rows []Row, columns int) []string {
	width := 0
	for _, r := range rows {
		width = max(width, ansi.StringWidth(r.Title))
	}
	var all []string
	for _, r := range rows {
		title := "  " + r.Title + fill(width-ansi.StringWidth(r.Title)+2)
		answer := ansi.Wrap(r.Answer, max(columns-width-4, 20), "")
		all = append(all, strings.Split(title+strings.ReplaceAll(answer, "\n", "\n"+fill(width+4)), "\n")...)
	}
	return all
}

func styled(style lipgloss.Style, text string, width int) []string {
	wrapped := strings.Split(ansi.Wrap(text, width, ""), "\n")
	for i, line := range wrapped {
		wrapped[i] = style.Render(line)
	}
	return wrapped
}
