package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/ouroboros-forge/forge/internal/plan"
)

// changed is what a command did to a project, or would do.
type changed struct {
	site    *site
	options *changeOptions
	request request
	plan    plan.Plan
	drain   []string // notes of what is to be done before the service runs: they are left to the user
	elapsed time.Duration
	undone  string // the command that was taken back, or ""
}

// jsonChanged is that for programs.
type jsonChanged struct {
	Command string     `json:"command"` // as in add handler payments
	Project string     `json:"project"` // absolute
	Undone  string     `json:"undone,omitempty"`
	Module  string     `json:"module"`  // afterwards
	Source  string     `json:"source"`  // afterwards
	Topics  []string   `json:"topics"`  // afterwards
	With    []string   `json:"with"`    // afterwards
	Written bool       `json:"written"` // whether anything was
	There   []string   `json:"there"`   // what was so already
	Notes   []string   `json:"notes,omitempty"`
	Files   []jsonStep `json:"files"`
	Left    int        `json:"left"` // files with lines that are left to the user, or that were to go and stay
}

type jsonStep struct {
	Path   string     `json:"path"`
	From   string     `json:"from,omitempty"` // of write: the path that it had
	Change plan.Kind  `json:"change"`
	Reason string     `json:"reason,omitempty"`
	Stays  bool       `json:"stays,omitempty"` // it was to go
	Lines  []jsonLine `json:"lines,omitempty"` // what is left to the user
}

type jsonLine struct {
	Op   string `json:"op"` // + to put in, - to take out, = to look at
	Text string `json:"text"`
}

func (c changed) left() int { return leftOf(c.plan.Steps) }

// leftOf is how many files something is left to do in.
func leftOf(steps []plan.Step) int {
	n := 0
	for _, s := range steps {
		if s.Left() {
			n++
		}
	}
	return n
}

// notes are what is to be known, and no file tells.
func (c changed) notes() []string { return slices.Concat(c.plan.Notes, c.request.notes, c.drain) }

func (c changed) isNothing() bool { return c.plan.Record.Schema == 0 }

// print shows the change in the form that was asked for. What is left to the user
// is an error of its own kind.
func (c changed) print(t terminal) error {
	var err error
	switch {
	case c.options.asJSON:
		err = printJSON(t, c.forPrograms())
	case c.isNothing():
		err = c.printThere(t)
	default:
		err = c.printTree(t)
	}
	if err != nil && !c.isNothing() && !c.options.dryRun {
		return failed("the change was made, but the result could not be printed", "%w", err)
	}
	if err == nil && c.left() > 0 {
		err = &failure{code: exitLeft, err: fmt.Errorf("what is listed of %s is left to you", count(c.left(), "file")), hint: ""}
	}
	return err
}

func printJSON(t terminal, v any) error {
	enc := json.NewEncoder(t.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (c changed) forPrograms() jsonChanged {
	a := c.request.answers
	return jsonChanged{
		Command: c.request.title, Project: c.site.root, Undone: c.undone, Module: a.Module, Source: a.Source, Topics: a.Topics, With: append([]string{}, a.With...),
		Notes: c.notes(), Written: !c.isNothing() && !c.options.dryRun, There: append([]string{}, c.request.there...), Files: stepsForPrograms(c.plan.Steps), Left: c.left(),
	}
}

// printThere says that nothing was to do.
func (c changed) printThere(t terminal) error {
	if c.options.quiet {
		return nil
	}
	_, err := fmt.Fprintln(t.stdout, strings.Join(c.request.there, "\n"))
	return err
}

// printTree shows what became of each file, and then what is left to do.
func (c changed) printTree(t terminal) error {
	var b strings.Builder
	if !c.options.quiet {
		for _, s := range c.request.there {
			fmt.Fprintln(&b, s)
		}
		total := fmt.Sprintf("%s, %d ms", count(len(c.plan.Steps), "file"), c.elapsed.Milliseconds())
		rows := append(rowsOf(c.plan.Steps), row{name: "…", text: total})
		b.WriteString(t.tree(filepath.Base(c.site.root), rows))
	}
	for _, s := range c.plan.Steps {
		if len(s.Lines) > 0 || s.Left() && c.options.quiet { // else its row says all
			b.WriteString(t.linesOf(s))
		}
	}
	notes := c.notes()
	if c.options.quiet {
		notes = c.drain
	}
	if len(notes) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(notes, "\n"))
	}
	switch {
	case c.options.dryRun:
		fmt.Fprintln(t.stderr, nothingWritten)
	case c.options.quiet:
	case c.undone != "":
		fmt.Fprintf(&b, "\n`forge %s` is taken back\n", c.undone)
	default:
		fmt.Fprintf(&b, "\n  %-14s  %s\n", "forge undo", t.style(faint, "# takes this back"))
	}
	_, err := fmt.Fprint(t.stdout, b.String())
	return err
}

// linesOf is what is left to do in a file.
func (t terminal) linesOf(s plan.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s\n", t.style(bold, s.Path), s.Reason)
	for _, l := range s.Lines {
		fmt.Fprintln(&b, t.style(colours[string(l.Op)], indented(l)))
	}
	return b.String()
}

// stepsForPrograms are steps with what is left to do, for programs.
func stepsForPrograms(steps []plan.Step) []jsonStep {
	all := []jsonStep{}
	for _, s := range steps {
		step := jsonStep{s.Path, s.From, s.Kind, s.Reason, s.Stays, nil}
		for _, l := range s.Lines {
			step.Lines = append(step.Lines, jsonLine{string(l.Op), l.Text})
		}
		all = append(all, step)
	}
	return all
}

// rowsOf are the rows of steps. Those of forge's own in internal/ are one row,
// unless something is to be said of them.
func rowsOf(steps []plan.Step) []row {
	var rows []row
	inner := make(map[plan.Kind]int)
	for _, s := range steps {
		if strings.HasPrefix(s.Path, "internal/") && s.Kind != plan.Keep && s.Kind != plan.Edit && s.Reason == "" {
			inner[s.Kind]++
		} else {
			rows = append(rows, rowOf(s))
		}
	}
	var parts []string
	for _, kind := range []struct {
		kind plan.Kind
		word string
	}{{plan.Write, "new"}, {plan.Replace, "changed"}, {plan.Delete, "gone"}} {
		if n := inner[kind.kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.word))
		}
	}
	if len(parts) > 0 {
		rows = append(rows, row{"~", "internal", strings.Join(parts, ", ")})
	}
	return rows
}

// row is a line of a tree.
type row struct{ mark, name, text string }

// rowOf is the row of a step: + for what comes, - for what goes, ~ for what
// changes, ! for what is left to the user.
func rowOf(s plan.Step) row {
	switch s.Kind {
	case plan.Write:
		return row{"+", s.Path, s.Reason}
	case plan.Delete:
		return row{"-", s.Path, s.Reason}
	case plan.Replace:
		return row{"~", s.Path, ""}
	case plan.Edit:
		return row{"~", s.Path, strings.Join(slices.DeleteFunc([]string{"with your edits", s.Reason}, func(text string) bool { return text == "" }), "; it ")}
	}
	if s.Left() {
		return row{"!", s.Path, s.Reason}
	}
	return row{"=", s.Path, s.Reason}
}

var colours = map[string]string{"+": "32", "-": "31", "~": "33", "!": "1;33"}

// tree shows rows below a heading.
func (t terminal) tree(heading string, rows []row) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.style(bold, heading))
	width := 0
	for _, r := range rows {
		if r.text != "" {
			width = max(width, ansi.StringWidth(r.mark+r.name))
		}
	}
	for i, r := range rows {
		branch := "├── "
		if i == len(rows)-1 {
			branch = "└── "
		}
		name := r.name
		if r.mark != "" {
			name = r.mark + " " + name
		}
		line := t.style(faint, branch) + t.style(colours[r.mark], name)
		if r.text != "" {
			pad := max(width+1-ansi.StringWidth(name), 0) + 4
			if isTerminal(t.stdout) { // elsewhere it may be for a program, or be kept
				room := t.width() - len("├── ") - ansi.StringWidth(name)
				pad = min(pad, max(room-ansi.StringWidth(r.text), 4))
				r.text = ansi.Truncate(r.text, max(room-pad, 20), " …")
			}
			line += strings.Repeat(" ", pad) + r.text
		}
		fmt.Fprintln(&b, line)
	}
	return b.String()
}
