package dlq

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// outcome is what became, or would become, of a dead letter.
type outcome string

const (
	selected       outcome = "selected"
	notSelected    outcome = "not selected"
	otherGroup     outcome = "of another group (--any-group takes them)"
	redrivenBefore outcome = "redriven before"
	redrivenNow    outcome = "redriven"
	parked         outcome = "parked"
	notWritten     outcome = "not written"
	unreadable     outcome = "unreadable"
	deleted        outcome = "deleted"
	stays          outcome = "stays"
)

// said returns the outcome of a command that was executed, or only says what it would do.
func (o outcome) said(executed bool) outcome {
	if !executed && slices.Contains([]outcome{redrivenNow, parked, deleted}, o) {
		return "to be " + o
	}
	return o
}

// row is what dead letters are counted by.
type row struct {
	Outcome outcome `json:"outcome"`
	From    string  `json:"from"`
	To      string  `json:"to,omitzero"`
	Group   string  `json:"group,omitzero"`
	Class   string  `json:"class,omitzero"`
	Reason  string  `json:"reason,omitzero"` // with # for numbers
}

func newRow(l *Letter, to string, o outcome) row {
	return row{Outcome: o, From: l.Topic, To: to, Group: l.Group, Class: l.Class, Reason: withoutNumbers(l.Reason)}
}

// figures are a row with its counts.
type figures struct {
	row
	Count int       `json:"count"`
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// report counts dead letters and prints them.
type report struct {
	out      io.Writer
	tell     io.Writer // progress
	terminal bool      // tell is one: a line may be written over
	every    time.Time // when the next line of progress is due, where it is none
	sent     int       // letters, of all clusters

	mu   sync.Mutex
	rows map[row]*figures
}

func newReport(out, tell io.Writer) *report {
	return &report{out: out, tell: tell, terminal: isTerminal(tell), rows: make(map[row]*figures)}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// add counts a letter; nil is one that cannot be read.
func (r *report) add(key row, l *Letter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.rows[key]
	if f == nil {
		f = &figures{row: key}
		r.rows[key] = f
	}
	f.Count++
	if l == nil {
		return
	}
	if f.First.IsZero() || l.FailedAt.Before(f.First) {
		f.First = l.FailedAt
	}
	f.Last = latest(f.Last, l.FailedAt)
}

// of returns how many letters had an outcome, and with none how many there were.
func (r *report) of(outcomes ...outcome) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.rows {
		if len(outcomes) == 0 || slices.Contains(outcomes, f.Outcome) {
			n += f.Count
		}
	}
	return n
}

// mayHave reports whether letters may have a class: those of the service's own are known
// by its letters alone.
func (r *report) mayHave(class string) bool {
	if class == "" || slices.Contains(message.Classes, message.Class(class)) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for row := range r.rows {
		if row.Class == class {
			return true
		}
	}
	return false
}

// sorted returns the figures of some outcomes, the largest first.
func (r *report) sorted(outcomes ...outcome) []figures {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := []figures{} // in JSON a list, also when it is empty
	for _, f := range r.rows {
		if slices.Contains(outcomes, f.Outcome) {
			found = append(found, *f)
		}
	}
	slices.SortFunc(found, func(a, b figures) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Group, b.Group), cmp.Compare(a.To, b.To), cmp.Compare(a.Outcome, b.Outcome))
	})
	return found
}

// progress tells how many letters were sent: in one line of a terminal, in a line each
// five seconds elsewhere.
func (r *report) progress() {
	switch {
	case r.terminal:
		fmt.Fprintf(r.tell, "\r%d sent", r.sent)
	case time.Now().After(r.every):
		if !r.every.IsZero() {
			fmt.Fprintf(r.tell, "%d sent\n", r.sent)
		}
		r.every = time.Now().Add(5 * time.Second)
	}
}

// table prints rows of some outcomes.
func (r *report) table(executed bool, outcomes ...outcome) {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	rows := r.sorted(outcomes...)
	if len(rows) > 0 {
		fmt.Fprintln(w, "DEAD LETTERS\tOUTCOME\tTO\tCLASS\tCOUNT\tFIRST\tLAST\tREASON")
	}
	for _, f := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", f.From, f.Outcome.said(executed), cell(f.To), cell(f.Class), f.Count, clock(f.First), clock(f.Last), cell(f.Reason))
	}
	_ = w.Flush()
}

func (r *report) json(v any) error {
	e := json.NewEncoder(r.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// summary prints how many letters had which outcome. The figures add up.
func (r *report) summary(executed bool) {
	var parts []string
	for _, o := range []outcome{selected, redrivenNow, parked, notWritten, deleted, stays, redrivenBefore, otherGroup, notSelected, unreadable} {
		if n := r.of(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", o.said(executed), n))
		}
	}
	fmt.Fprintf(r.out, "dead letters %d: %s\n", r.of(), cmp.Or(strings.Join(parts, ", "), "none"))
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// cell returns what others wrote as it may stand in a table: in one line, and cut.
func cell(s string) string {
	const limit = 120
	s = printable([]byte(s), "")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return cmp.Or(s, "-")
}
