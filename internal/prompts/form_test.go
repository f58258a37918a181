package prompts

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/huh"
	"github.com/charmbracelet/x/ansi"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// driver is a form without a terminal: keys go in, screens come out.
type driver struct {
	t *testing.T
	*screen
}

func drive(t *testing.T, questions []Question) *driver {
	t.Helper()
	d := &driver{t: t, screen: newScreen("forge new shop", questions)}
	d.settle(d.Init())
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

// send gives the form a message and all that follows from it.
func (d *driver) send(msg tea.Msg) {
	_, cmd := d.Update(msg)
	d.settle(cmd)
}

// settle runs commands as bubbletea would, one after the other, but none that
// waits for time to pass: those make the cursor blink.
func (d *driver) settle(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := unwrap(cmd).(type) {
	case []tea.Cmd:
		for _, c := range msg {
			d.settle(c)
		}
	case nil, tea.QuitMsg, tea.InterruptMsg:
	default:
		d.send(msg)
	}
}

func (d *driver) typed(text string) *driver {
	d.t.Helper()
	for _, r := range text {
		d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
	}
	return d
}

func (d *driver) press(keys ...tea.KeyType) *driver {
	for _, k := range keys {
		d.send(tea.KeyMsg{Type: k})
	}
	return d
}

func (d *driver) shown() string { return ansi.Strip(d.View()) }

func TestFormIsShownInAWindowOfAnySize(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	for _, width := range []int{0, 1, 18, 19, 40, 300} {
		d.send(tea.WindowSizeMsg{Width: width, Height: width / 3})
		if !strings.Contains(d.shown(), "Go module") {
			t.Errorf("%d columns: no question:\n%s", width, d.shown())
		}
	}
}

func TestWhatWasTypedBeforeTheFormGoesIntoItsFields(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)) // until then the terminal makes line feeds of Enter
	d.typed("example.com/me/shop").press(tea.KeyCtrlJ).typed("a, b").press(tea.KeyCtrlJ).typed("team-a ").press(tea.KeyCtrlJ, tea.KeyCtrlJ, tea.KeyCtrlJ)
	if err := d.submit(); err != nil {
		t.Fatal(err)
	}
	if a.Module != "example.com/me/shop" || strings.Join(a.Topics, "|") != "a|b" || a.Group != "team-a" {
		t.Errorf("%+v", a)
	}
}

func TestFormShowsEveryQuestionWithItsDefault(t *testing.T) {
	a := answers.Defaults("shop")
	screen := drive(t, Questions(&a)).shown()
	for _, want := range []string{
		"forge new shop", "Go module", "example.com/shop", "topics", "orders", "consumer group",
		"Kafka brokers", "localhost:9092", "[x] docker", "[x] github", "GitHub workflow",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not on the screen:\n%s", want, screen)
		}
	}
}

func TestFormKeepsDefaultsOnEnter(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if d.form.State != huh.StateCompleted {
		t.Fatalf("state %v:\n%s", d.form.State, d.shown())
	}
	if err := d.submit(); err != nil {
		t.Fatal(err)
	}
	if want := answers.Defaults("shop"); !equal(a, want) {
		t.Errorf("got %+v, want %+v", a, want)
	}
}

func TestFormRefusesAtThePromptAndGoesOnWhenItIsPutRight(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter).typed("orders.dlq").press(tea.KeyEnter)
	if screen := d.shown(); !strings.Contains(screen, `"orders.dlq" is the name of a dead-letter topic`) {
		t.Fatalf("no reason on the screen:\n%s", screen)
	}
	d.press(tea.KeyBackspace, tea.KeyBackspace, tea.KeyBackspace, tea.KeyBackspace).typed(", payments")
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	d.press(tea.KeySpace, tea.KeyEnter) // no docker
	if d.form.State != huh.StateCompleted {
		t.Fatalf("state %v:\n%s", d.form.State, d.shown())
	}
	if err := d.submit(); err != nil {
		t.Fatal(err)
	}
	if got := JoinList(a.Topics); got != "orders, payments" {
		t.Errorf("topics %q", got)
	}
	if got := JoinList(a.With); got != "github" {
		t.Errorf("extras %q", got)
	}
}

func TestFormTakesTheLastWordWhenTheUserGoesBack(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).typed("example.com/one").press(tea.KeyEnter, tea.KeyShiftTab)
	d.press(tea.KeyBackspace, tea.KeyBackspace, tea.KeyBackspace).typed("two")
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if err := d.submit(); err != nil || a.Module != "example.com/two" {
		t.Errorf("module %q, %v", a.Module, err)
	}
}

func TestFormCannotBeLeftWithAWrongAnswer(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter).typed("a b").press(tea.KeyShiftTab)
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if d.form.State != huh.StateNormal {
		t.Errorf("state %v, topics %q", d.form.State, a.Topics)
	}
}

func TestFormIsAbortedByCtrlC(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).typed("example.com/x").press(tea.KeyCtrlC)
	if d.form.State != huh.StateAborted {
		t.Errorf("state %v", d.form.State)
	}
}

func TestFormInsistsOnAName(t *testing.T) {
	var got string
	d := drive(t, []Question{NameQuestion(func(path string) error { got = path; return nil })}).press(tea.KeyEnter)
	if !strings.Contains(d.shown(), "an answer is needed") {
		t.Errorf("screen:\n%s", d.shown())
	}
	if d.typed("shop").press(tea.KeyEnter); d.form.State != huh.StateCompleted || got != "shop" {
		t.Errorf("state %v, name %q", d.form.State, got)
	}
}

func TestFormKeepsWhatIsTypedAheadInOrder(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	var later []tea.Cmd
	for _, k := range []tea.KeyMsg{
		{Type: tea.KeyEnter}, {Type: tea.KeyRunes, Runes: []rune("payments")},
		{Type: tea.KeyEnter}, {Type: tea.KeyRunes, Runes: []rune("crew")},
	} { // all keys are there before anything that follows from the first
		_, cmd := d.Update(k)
		later = append(later, cmd)
	}
	for _, cmd := range later {
		d.settle(cmd)
	}
	if a.Module != "example.com/shop" || JoinList(a.Topics) != "payments" || d.fields[2].text != "crew" {
		t.Errorf("module %q, topics %q, group %q", a.Module, a.Topics, d.fields[2].text)
	}
}

func TestFormTellsHowToAnswerTheQuestionAtTheCursor(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	for _, q := range d.questions {
		if !strings.Contains(d.shown(), legend(q)) {
			t.Errorf("%q is not on the screen:\n%s", legend(q), d.shown())
		}
		d.press(tea.KeyEnter)
	}
}
