package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/project"
)

// Of two commands at once, the one that has read the project before the other has
// changed it changes nothing: it would write a record without the other's topic.
func TestACommandOvertakenByAnotherIsRefused(t *testing.T) {
	dir := aProject(t, nil)
	t.Chdir(dir)
	term := newTerminal(strings.NewReader(""), io.Discard, io.Discard)
	s, err := openSite(term)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.addTopics(term, []string{"slow"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, stderr := inProject(t, dir, nil, "add", "handler", "quick"); code != exitOK {
		t.Fatal(stderr)
	}
	before := snapshot(t, dir)
	var stderr bytes.Buffer
	o := changeOptions{quiet: true}
	if code := report(&stderr, o.change(t.Context(), term, s, r)); code != exitFailure || !strings.Contains(stderr.String(), "run the command again") {
		t.Errorf("%d %s", code, stderr.String())
	}
	record, err := project.Load(dir)
	if err != nil || strings.Join(record.Answers.Topics, " ") != "orders quick" {
		t.Errorf("topics %v, %v", record.Answers.Topics, err)
	}
	if after := snapshot(t, dir); len(after) != len(before) {
		t.Errorf("%d files, were %d", len(after), len(before))
	}
}
