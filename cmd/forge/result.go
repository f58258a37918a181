package main

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
)

// result is what `forge new` did, or would do.
type result struct {
	target  target
	answers answers.Answers
	tree    *render.Tree
	elapsed time.Duration // of rendering and writing
	written bool
	git     string // what git keeps, or ""
}

// print shows the result in the form that was asked for.
func (r result) print(t terminal, o *newOptions) error {
	switch {
	case o.asJSON:
		return printJSON(t, r.forPrograms())
	case o.dryRun:
		return r.printList(t)
	default:
		return r.printTree(t)
	}
}

// jsonResult is the result for programs.
type jsonResult struct {
	Name    string   `json:"name"`
	Target  string   `json:"target"` // absolute
	Module  string   `json:"module"`
	Source  string   `json:"source"`
	Topics  []string `json:"topics"`
	Group   string   `json:"group"`
	Brokers []string `json:"brokers"`
	With    []string `json:"with"`

	Schemas map[string]string `json:"schemas,omitempty"` // files by topic

	Written bool       `json:"written"`
	Git     string     `json:"git,omitempty"` // what was made for git
	Files   []jsonFile `json:"files"`
	Next    []string   `json:"next"` // shell commands
}

type jsonFile struct {
	Path   string        `json:"path"`
	Owner  project.Owner `json:"owner"`
	Mode   string        `json:"mode"`
	SHA256 string        `json:"sha256"`
}

func (r result) forPrograms() jsonResult {
	a := r.answers
	j := jsonResult{
		Name: a.Name, Target: r.target.abs, Module: a.Module, Source: a.Source, Topics: a.Topics, Group: a.Group, Brokers: a.Brokers,
		With: append([]string{}, a.With...), Written: r.written, Git: r.git,
	}
	for topic, schema := range a.Schemas {
		if j.Schemas == nil {
			j.Schemas = make(map[string]string)
		}
		j.Schemas[topic] = schema.File
	}
	for _, f := range r.tree.Files {
		p := project.NewFile(f.Path, f.Mode, f.Content, f.Owner)
		j.Files = append(j.Files, jsonFile{Path: p.Path, Owner: p.Owner, Mode: p.Mode, SHA256: p.SHA256})
	}
	for _, n := range r.next() {
		j.Next = append(j.Next, n.command)
	}
	return j
}

// printList prints the paths of all files, and nothing else on stdout.
func (r result) printList(t terminal) error {
	for _, f := range r.tree.Files {
		if _, err := fmt.Fprintln(t.stdout, f.Path); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(t.stderr, "%d files for %s, of which none was written\n", len(r.tree.Files), r.target.path)
	return err
}

// nextCommand is one to go on with, and what it is good for.
type nextCommand struct{ command, purpose string }

// next are the commands to go on with. Makefile's are for those who have make.
func (r result) next() []nextCommand {
	dev, test := "make dev", "make test"
	if _, err := exec.LookPath("make"); err != nil {
		dev, test = "go run ./dev", "go test ./..."
	}
	steps := []nextCommand{{"cd " + shellQuote(r.target.path), ""}}
	if file := foreignWorkspace(r.target.abs); file != "" {
		steps = append(steps, nextCommand{"go work use .", "the module is not in " + file + " yet"})
	}
	broker := "embedded " + r.answers.BrokerName()
	if r.answers.Source == answers.RabbitMQ { // none runs inside a process
		broker = "the RabbitMQ on this machine"
	}
	return append(steps, nextCommand{dev, broker + ", sample messages, your handlers"}, nextCommand{test, ""})
}

// shellQuote quotes a path that a shell would take apart, or a command for a flag.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		return "-- " + shellWord(path)
	}
	return shellWord(path)
}

// shellWord quotes what a shell would take apart.
func shellWord(text string) string {
	harmless := func(r rune) bool {
		return strings.ContainsRune("/._-+=:@%,", r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !harmless(r) }) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
