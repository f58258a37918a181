package prompts

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// driver is a form without a terminal: keys go in, screens come out.
type driver struct {
	t    *testing.T
	last tea.Cmd
	*screen
}

func drive(t *testing.T, questions []Question) *driver {
	t.Helper()
	d := &driver{t: t, screen: newScreen(Sheet{Heading: "forge new shop", Questions: questions})}
	d.Init()
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	return d
}

// send gives the form a message. What follows from it makes a cursor blink, or ends the form.
func (d *driver) send(msg tea.Msg) { _, d.last = d.Update(msg) }

// interrupted reports whether the last key ended the form without answers.
func (d *driver) interrupted() bool {
	if d.last == nil {
		return false
	}
	_, ok := d.last().(tea.InterruptMsg)
	return ok
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
	d.typed("example.com/me/shop").press(tea.KeyCtrlJ).typed("a, b").press(tea.KeyCtrlJ).typed("team-a ").press(tea.KeyCtrlJ, tea.KeyCtrlJ, tea.KeyCtrlJ, tea.KeyCtrlJ)
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
		"source", "kafka", "brokers", "localhost:9092", "[x] docker", "[x] github", "GitHub workflow",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("%q is not on the screen:\n%s", want, screen)
		}
	}
}

func TestFormKeepsDefaultsOnEnter(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if !d.submitted {
		t.Fatalf("not submitted:\n%s", d.shown())
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
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	d.press(tea.KeySpace, tea.KeyEnter) // no docker
	if !d.submitted {
		t.Fatalf("not submitted:\n%s", d.shown())
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
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if err := d.submit(); err != nil || a.Module != "example.com/two" {
		t.Errorf("module %q, %v", a.Module, err)
	}
}

func TestArrowsGoFromFieldToFieldAndThroughTheOptions(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyUp, tea.KeyDown).typed("orders,payments").press(tea.KeyUp).typed("example.com/one")
	for range 5 {
		d.press(tea.KeyDown)
	}
	for range 2 * len(answers.Extras()) { // through the options, and no further than the last field
		d.press(tea.KeyDown)
	}
	if d.submitted {
		t.Fatal("an arrow has sent the form")
	}
	d.press(tea.KeySpace) // the last option, unless a field follows
	for range 2 * len(answers.Extras()) {
		d.press(tea.KeyUp)
	}
	if d.at != 0 {
		t.Errorf("the cursor is at %d, not at the first field:\n%s", d.at, d.shown())
	}
	if err := d.submit(); err != nil || a.Module != "example.com/one" || len(a.Topics) != 2 || !a.Has(answers.Extras()[len(answers.Extras())-1].Name) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestFormCannotBeLeftWithAWrongAnswer(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter).typed("a b").press(tea.KeyShiftTab)
	d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter)
	if d.submitted {
		t.Errorf("submitted, topics %q", a.Topics)
	}
	if !strings.Contains(d.shown(), "┃ topics          a b") {
		t.Errorf("the cursor is not at the wrong answer:\n%s", d.shown())
	}
}

func TestFormIsAbortedByCtrlC(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).typed("example.com/x").press(tea.KeyCtrlC)
	if !d.interrupted() || d.submitted {
		t.Error("the form goes on")
	}
}

func TestFormInsistsOnAName(t *testing.T) {
	var got string
	d := drive(t, []Question{NameQuestion(func(path string) error { got = path; return nil })}).press(tea.KeyEnter)
	if !strings.Contains(d.shown(), "an answer is needed") {
		t.Errorf("screen:\n%s", d.shown())
	}
	if d.typed("shop").press(tea.KeyEnter); !d.submitted || got != "shop" {
		t.Errorf("submitted %v, name %q", d.submitted, got)
	}
}

func TestFormTellsHowToAnswerTheQuestionAtTheCursor(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	for _, f := range d.fields {
		if !strings.Contains(d.shown(), legend(f.Question)) {
			t.Errorf("%q is not on the screen:\n%s", legend(f.Question), d.shown())
		}
		d.press(tea.KeyEnter)
	}
}

func TestAnErrorNamesItsFieldAndStaysWithIt(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter).typed("here").press(tea.KeyShiftTab, tea.KeyEsc)
	if !strings.Contains(d.shown(), "┃ consumer group ") {
		t.Fatalf("Shift+Tab and Esc do not lead back:\n%s", d.shown())
	}
	lines := strings.Split(d.shown(), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  brokers         here") {
			if !strings.HasPrefix(lines[i+1], `  ✗ brokers: "here" has no port`) {
				t.Errorf("no error below the field:\n%s", d.shown())
			}
			return
		}
	}
	t.Errorf("no field:\n%s", d.shown())
}

func TestTheKeysAreAlwaysShown(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "\nenter next · ctrl+c quits"},
		{func() { d.typed("a b").press(tea.KeyEnter) }, "\nenter next · ctrl+c quits"}, // and an error
		{func() { d.press(tea.KeyCtrlU, tea.KeyEnter) }, "\nenter next · esc back · ctrl+c quits"},
		{func() { d.press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter, tea.KeyEnter) }, "\nspace marks · ↑↓ move · enter continues · esc back · ctrl+c quits"},
	} {
		if step.do(); !strings.HasSuffix(d.shown(), step.want) {
			t.Errorf("no %q:\n%s", step.want, d.shown())
		}
	}
}

func TestReviewShowsAllAnswersAndCanBeLeftAgain(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a)[1:3])
	d.sheet.Review, d.sheet.Known = true, []Row{{"directory", "shop"}}
	d.typed("orders,payments").press(tea.KeyEnter, tea.KeyEnter)
	want := "  directory       shop\n  topics          orders,payments\n  consumer group  shop  (default)\n\nenter writes it · esc back"
	if !strings.Contains(d.shown(), want) {
		t.Errorf("got\n%s\nwant\n%s", d.shown(), want)
	}
	if d.typed("x ").press(tea.KeyTab); d.submitted || d.interrupted() {
		t.Fatal("left by a key that is not shown")
	}
	d.press(tea.KeyEsc).typed("Orders,x").press(tea.KeyEnter)
	if !strings.Contains(d.shown(), `? consumer group: "Orders,x" has a comma`) {
		t.Errorf("no doubt:\n%s", d.shown())
	}
	if d.press(tea.KeyEnter); !d.submitted || d.submit() != nil || a.Group != "Orders,x" || len(a.Topics) != 2 {
		t.Errorf("submitted %v: %+v", d.submitted, a)
	}
}

func TestWhatIsTypedIsKnownFromADefaultWithoutColours(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	if !strings.Contains(d.shown(), "consumer group  [shop]") || !strings.Contains(d.shown(), "enter takes what is in brackets") {
		t.Errorf("screen:\n%s", d.shown())
	}
	if d.press(tea.KeyEnter, tea.KeyEnter).typed("shop"); !strings.Contains(d.shown(), "consumer group  shop ") {
		t.Errorf("screen:\n%s", d.shown())
	}
}

func TestOptionsAreWrappedBesideTheirNames(t *testing.T) {
	a := answers.Defaults("shop")
	d := drive(t, Questions(&a))
	d.send(tea.WindowSizeMsg{Width: 50, Height: 30})
	if !strings.Contains(d.shown(), "\n    [ ] http        web service that publishes ") ||
		!strings.Contains(d.shown(), "\n                    what is posted to it") {
		t.Errorf("screen:\n%s", d.shown())
	}
	for line := range strings.SplitSeq(d.shown(), "\n") {
		if ansi.StringWidth(strings.TrimRight(line, " ")) > 50 {
			t.Errorf("%q is longer than the window", line)
		}
	}
}
