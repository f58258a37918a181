// Package prompts asks forge's questions: as a form on a terminal, line by
// line where a form cannot be read, or not at all, from an answers file. All
// of them work on the same Questions.
package prompts

import (
	"context"
	"errors"
	"io"
	"strings"
)

// Errors of asking. Nothing was written when one of them is returned.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrDeclined    = errors.New("not confirmed")
	ErrInputEnded  = errors.New("the input ended before every question was answered")
)

// Question is one thing to ask.
type Question struct {
	Key     string   // its name as a flag and in an answers file
	Title   string   // what is asked, a few words
	Help    string   // what the answer is for, in a line
	Default string   // stands when nothing is entered; empty: an answer is needed
	Options []Option // those to choose from; none: the answer is text
	List    bool     // several answers are possible, separated by commas

	// Late returns what stands when nothing is entered once the questions before it are
	// answered. Nil: Default does.
	Late func() string

	// Accept checks an answer and keeps it. Its error is shown to the user, who
	// is asked again. The answer to a question with options is the keys of
	// those that were chosen, separated by commas.
	Accept func(answer string) error

	// Show returns an accepted answer as the review has it. Nil leaves it as it is.
	Show func(answer string) string

	// Doubt returns what is odd about an accepted answer, or "". It is shown
	// beside the answer, which counts all the same. Nil finds nothing odd.
	Doubt func(answer string) string
}

// Option is one of those a question lets the user choose from, any number of them.
type Option struct {
	Key  string
	Help string
}

// Sheet is what is asked at once.
type Sheet struct {
	Heading   string
	Questions []Question
	Review    bool  // show all answers in the end, and have them confirmed
	Known     []Row // what the review shows before the answers
}

// Row is a line of a review.
type Row struct{ Title, Answer string }

// Prompter asks the questions of a sheet, all of them or an error:
// ErrInterrupted, ErrDeclined, ErrInputEnded, or a failure of the terminal.
type Prompter interface {
	Ask(ctx context.Context, sheet Sheet) error
}

// Form returns a Prompter that shows a sheet as one form on the terminal that in and out are.
func Form(in io.Reader, out io.Writer) Prompter { return form{in: in, out: out} }

// Lines returns a Prompter that asks one line at a time, with nothing but plain
// text. It reads no further than the end of the last answer's line.
func Lines(in io.Reader, out io.Writer) Prompter { return lines{in: in, out: out} }

// SplitList splits an answer that names several things at its commas. One at the
// end ends the list; two in a row have an empty name between them.
func SplitList(answer string) []string {
	answer = strings.TrimSuffix(strings.TrimSpace(answer), ",")
	if answer == "" {
		return nil
	}
	items := strings.Split(answer, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// JoinList is the text of a list as SplitList reads it.
func JoinList(items []string) string { return strings.Join(items, ", ") }

// effective is the answer that what was entered stands for.
func (q Question) effective(entered string) string {
	if entered = strings.TrimSpace(entered); entered == "" {
		return q.standing()
	}
	return entered
}

func (q Question) standing() string {
	if q.Late == nil {
		return q.Default
	}
	return q.Late()
}

func (q Question) accept(entered string) error {
	answer := q.effective(entered)
	if answer == "" && q.Options == nil {
		return errNeeded
	}
	return q.Accept(answer)
}

func (q Question) doubt(answer string) string {
	if q.Doubt == nil {
		return ""
	}
	return q.Doubt(answer)
}

// row is the review's line of an answer. An answer that is the default is marked
// as such.
func (q Question) row(answer string) Row {
	if q.Show != nil && answer != "" {
		answer = q.Show(answer)
	}
	switch answer {
	case "":
		answer = none
	case q.standing():
		answer += "  (default)"
	}
	return Row{q.Title, answer}
}
