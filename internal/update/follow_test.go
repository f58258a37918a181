package update_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/update"
)

// When an interface changed, each place in the user's code is told.
func TestNotes(t *testing.T) {
	const handler = "package handlers\n\nimport msg \"example.com/shop/internal/message\"\n\ntype H struct{}\n\nfunc (H) Handle(m msg.Message) error { return nil }\n"
	const caller = "package app\n\nimport \"example.com/shop/internal/message\"\n\nvar limit = message.Limit\n"
	w := newWorld(t, map[string]release.Changes{"v0.2.0": {Interfaces: []release.Interface{
		{Symbol: "internal/message.Handler", Methods: []string{"Handle"}, Change: "Handle takes a context first"},
		{Symbol: "internal/message.Limit", Change: "it is a function now: Limit()"},
	}}}, tree{"internal/message/m.go": "package message\n"}, tree{"internal/message/m.go": "package message // new\n"})
	w.disk = w.disk.with("handlers/h.go", handler, "app/a.go", caller, "tools/t.go", "package tools\n\nfunc (T) Handle() {}\n")
	u := w.update(t)
	want := "app/a.go:5: internal/message.Limit changed: it is a function now: Limit()\nhandlers/h.go:7: internal/message.Handler changed: Handle takes a context first"
	if got := join(u.Notes); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if u.Record.Forge != "v0.2.0" {
		t.Error("notes hold the version back")
	}
	w.land(u)
	settles(t, w)
}

// After an update the user's files are still those of the release that wrote
// them; a change of the answers goes on from there.
func TestFollow(t *testing.T) {
	old := tree{"main.go": "package main\n\nvar topics = []string{\n\t\"orders\", //forge:each topic\n}\n", "docs/a.txt": text}
	w := newWorld(t, nil, old, old.with("main.go", strings.ReplaceAll(old["main.go"], "topics", "names"), "docs/a.txt", newText))
	w.land(w.update(t))
	target, _, err := w.history.Open("v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	more := answers.Defaults("shop")
	more.Topics = []string{"orders", "payments"}
	base, next, err := render.Both(target, w.record.Answers, more, "v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*release.Archive, error) { return w.history, nil }
	if err := update.Follow(open, target, "v0.2.0", w.record, more, base, next, nil); err != nil {
		t.Fatal(err)
	}
	p := plan.Make(plan.Input{Record: w.record, Base: base, Next: next, Disk: w.disk})
	if len(p.Refusals) > 0 || len(p.Steps) != 1 || !strings.Contains(string(p.Steps[0].Content), "var topics = []string{\n\t\"orders\",\n\t\"payments\",\n}") {
		t.Errorf("%v %v", p.Refusals, p.Steps)
	}
}

// What a forge between two releases wrote, and an update to a release left, is what that
// forge itself gives.
func TestFollowAForgeThatIsNoRelease(t *testing.T) {
	old := tree{"main.go": "package main\n\nvar topics = []string{\n\t\"orders\", //forge:each topic\n}\n"}
	own := old.with("main.go", strings.ReplaceAll(old["main.go"], "topics", "names")).template()
	w := newWorld(t, nil, old)
	more := answers.Defaults("shop")
	more.Topics = []string{"orders", "payments"}
	written, _, err := render.Both(own, w.record.Answers, more, "(devel)")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range written.Files {
		if f.Path == "main.go" {
			w.disk[f.Path] = string(f.Content)
			w.record.Files = slices.DeleteFunc(w.record.Files, func(r project.File) bool { return r.Path == f.Path })
			w.record.Files = append(w.record.Files, project.NewFile(f.Path, f.Mode, f.Content, f.Owner))
		}
	}
	target, _, err := w.history.Open("v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	base, next, err := render.Both(target, w.record.Answers, more, "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*release.Archive, error) { return w.history, nil }
	if err := update.Follow(open, own, "(devel)", w.record, more, base, next, nil); err != nil {
		t.Fatal(err)
	}
	p := plan.Make(plan.Input{Record: w.record, Base: base, Next: next, Disk: w.disk})
	if len(p.Refusals) > 0 || len(p.Steps) != 1 || !strings.Contains(string(p.Steps[0].Content), "var names = []string{\n\t\"orders\",\n\t\"payments\",\n}") {
		t.Errorf("%v %v", p.Refusals, p.Steps)
	}
}

// A file that moves with its topic is the old release's, too, also where nothing
// in it is called after the topic.
func TestFollowMoved(t *testing.T) {
	old := tree{"main.go": "package main\n", "handlers/orders.go": "package handlers\n", "docs/a.txt": text}
	w := newWorld(t, nil, old, old.with("handlers/orders.go", "package handlers // new\n", "docs/a.txt", newText))
	w.land(w.update(t))
	target, _, err := w.history.Open("v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	others := answers.Defaults("shop")
	others.Topics = []string{"purchases"}
	base, next, err := render.Both(target, w.record.Answers, others, "v0.2.0")
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*release.Archive, error) { return w.history, nil }
	if err := update.Follow(open, target, "v0.2.0", w.record, others, base, next, plan.Moved(base, next, "orders", "purchases")); err != nil {
		t.Fatal(err)
	}
	for _, f := range slices.Concat(base.Files, next.Files) {
		if path.Dir(f.Path) == "handlers" && string(f.Content) != old["handlers/orders.go"] {
			t.Errorf("%s is %q", f.Path, f.Content)
		}
	}
}
