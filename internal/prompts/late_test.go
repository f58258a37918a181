package prompts

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// The brokers that stand for an empty answer are those of the source that was just
// chosen, are shown as such, and follow when another source is chosen.
func TestTheDefaultBrokersAreTheSources(t *testing.T) {
	a := answers.Defaults("shop")
	var out strings.Builder
	if err := Lines(strings.NewReader("\n\n\njetstream\n\n\n"), &out).Ask(t.Context(), Sheet{Questions: Questions(&a)}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "brokers, host:port, separated by commas [localhost:4222]: ") || JoinList(a.Brokers) != "localhost:4222" {
		t.Errorf("%v, after\n%s", a.Brokers, out.String())
	}

	a = answers.Defaults("shop")
	d := drive(t, Questions(&a)).press(tea.KeyEnter, tea.KeyEnter, tea.KeyEnter).typed("jetstream").press(tea.KeyEnter)
	if !strings.Contains(d.shown(), "[localhost:4222]") {
		t.Errorf("not on the screen: the broker of jetstream\n%s", d.shown())
	}
	d.press(tea.KeyShiftTab, tea.KeyCtrlU).typed("kafka").press(tea.KeyEnter)
	if !strings.Contains(d.shown(), "[localhost:9092]") {
		t.Errorf("not on the screen: the broker of kafka\n%s", d.shown())
	}
	d.press(tea.KeyEnter, tea.KeyEnter)
	if err := d.submit(); err != nil || JoinList(a.Brokers) != "localhost:9092" || a.Source != answers.Kafka {
		t.Errorf("%v, %+v", err, a)
	}
}
