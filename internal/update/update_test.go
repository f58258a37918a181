package update_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/update"
)

const (
	text    = "one\ntwo\nthree\nfour\nfive\nsix\n"
	newText = "one\ntwo\nthree\nfour\nFIVE\nsix\n"
	mine    = "one\nMINE\nthree\nfour\nfive\nsix\n"
	both    = "one\nMINE\nthree\nfour\nFIVE\nsix\n"
	clash   = "one\ntwo\nthree\nfour\nMINE\nsix\n"
)

var marked = "one\ntwo\nthree\nfour\n<<<<<<< yours\nMINE\n||||||| forge v0.1.0\nfive\n=======\nFIVE\n>>>>>>> forge v0.2.0\nsix\n"

// TestOneFile shows what becomes of a file that forge manages, for what the
// template and the user did with it.
func TestOneFile(t *testing.T) {
	const name, other = "docs/a.txt", "docs/b.txt"
	old := tree{name: text, "docs/c.txt": "c\n"}
	renamed := map[string]release.Changes{"v0.2.0": {Renames: []release.Rename{{From: name, To: other}}}}
	for _, c := range []struct {
		name     string
		next     tree
		changes  map[string]release.Changes
		user     []string // pairs for with
		want     []string // pairs for with, of the project as it was
		conflict string
	}{
		{name: "untouched", next: old.with(name, newText), want: []string{name, newText}},
		{name: "edited elsewhere", next: old.with(name, newText), user: []string{name, mine}, want: []string{name, both}},
		{name: "edited, and the template is as it was", next: old, user: []string{name, mine}, want: []string{name, mine}},
		{name: "edited to the same", next: old.with(name, newText), user: []string{name, newText}, want: []string{name, newText}},
		{
			name: "edited in the same place", next: old.with(name, newText), user: []string{name, clash}, want: []string{name, marked},
			conflict: "docs/a.txt:5: you changed these lines, and so did the new version",
		},
		{name: "deleted by the template", next: old.with(name, ""), want: []string{name, ""}},
		{
			name: "edited, and deleted by the template", next: old.with(name, ""), user: []string{name, mine},
			want:     []string{name, mine, name + ".forge-deleted", "forge v0.2.0 has no docs/a.txt any more, which you have changed. Delete it, or keep it as yours; then delete this note.\n"},
			conflict: "docs/a.txt: you changed it, and the new version deleted it; it is kept, see docs/a.txt.forge-deleted",
		},
		{name: "deleted by the user", next: old, user: []string{name, ""}, want: []string{name, ""}},
		{
			name: "deleted by the user, and changed by the template", next: old.with(name, newText), user: []string{name, ""}, want: []string{name, "", name + ".forge-new", newText},
			conflict: "docs/a.txt: you deleted it, and the new version changed it; the new version is docs/a.txt.forge-new",
		},
		{name: "deleted by both", next: old.with(name, ""), user: []string{name, ""}, want: []string{name, ""}},
		{name: "renamed", next: old.with(name, "", other, newText), changes: renamed, want: []string{name, "", other, newText}},
		{name: "renamed, with the user's edits", next: old.with(name, "", other, newText), changes: renamed, user: []string{name, mine}, want: []string{name, "", other, both}},
		{name: "renamed alone, with the user's edits", next: old.with(name, "", other, text), changes: renamed, user: []string{name, mine}, want: []string{name, "", other, mine}},
		{
			name: "renamed to what the user has", next: old.with(name, "", other, newText), changes: renamed, user: []string{name, mine, other, "mine\n"},
			want:     []string{name, mine, other, "mine\n", other + ".forge-new", newText},
			conflict: "docs/b.txt: it is the new name of docs/a.txt, but a file of yours has that name; docs/a.txt stays as it is; the new version is docs/b.txt.forge-new",
		},
		{name: "new", next: old.with(other, newText), want: []string{other, newText}},
		{name: "new, and there already", next: old.with(other, newText), user: []string{other, newText}, want: []string{other, newText}},
		{
			name: "new, and the user has another", next: old.with(other, newText), user: []string{other, mine}, want: []string{other, mine, other + ".forge-new", newText},
			conflict: "docs/b.txt: it is new, but a file of yours has that name; the new version is docs/b.txt.forge-new",
		},
		{name: "checked out with CR LF", next: old.with(name, newText), user: []string{name, crlf(text)}, want: []string{name, crlf(newText)}},
		{name: "edited with CR LF", next: old.with(name, newText), user: []string{name, crlf(mine)}, want: []string{name, crlf(both)}},
		{
			name: "renamed, and another one has the old name", next: old.with(name, "another\n", other, text), changes: renamed, user: []string{name, mine},
			want:     []string{name, strings.Replace(mine, "one\nMINE\nthree\nfour\nfive\nsix\n", "<<<<<<< yours\none\nMINE\nthree\nfour\nfive\nsix\n||||||| forge v0.1.0\none\ntwo\nthree\nfour\nfive\nsix\n=======\nanother\n>>>>>>> forge v0.2.0\n", 1), other, text},
			conflict: "docs/a.txt:1: you changed these lines, and so did the new version",
		},
		{name: "a link now", next: old, user: []string{name, "link to x"}, want: []string{name, "link to x"}},
		{
			name: "a link now, and changed", next: old.with(name, newText), user: []string{name, "link to x"}, want: []string{name, "link to x", name + ".forge-new", newText},
			conflict: "docs/a.txt: it is no regular file any more; the new version is docs/a.txt.forge-new",
		},
		{name: "a link now, and deleted by the template", next: old.with(name, ""), user: []string{name, "link to x"}, want: []string{name, "link to x"}},
		{name: "binary", next: old.with(name, "\x00new"), want: []string{name, "\x00new"}},
		{
			name: "binary, and edited", next: old.with(name, "\x00new"), user: []string{name, "\x00mine"}, want: []string{name, "\x00mine", name + ".forge-new", "\x00new"},
			conflict: "docs/a.txt: you changed it, and so did the new version, and it is no text; the new version is docs/a.txt.forge-new",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.changes, old, c.next)
			want := w.disk.with(c.want...)
			w.disk = w.disk.with(c.user...)
			u := w.update(t)
			if got := join(u.Conflicts); got != c.conflict {
				t.Errorf("conflicts: %s, want %s", got, c.conflict)
			}
			w.land(u)
			for _, d := range differences(w.disk, want) {
				t.Error(d)
			}
			if isDone := w.record.Forge == "v0.2.0"; isDone != (c.conflict == "") {
				t.Errorf("the recorded version is %s", w.record.Forge)
			}
			settles(t, w)
		})
	}
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func join[T fmt.Stringer](all []T) string {
	var lines []string
	for _, one := range all {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// reporter is a test, or a case of a property.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// settles proves that a second update does nothing, and that when the user has
// done what the first one left, the record gets the new version.
func settles(t reporter, w *world) {
	t.Helper()
	again := w.update(t)
	if len(again.Steps) > 0 || len(again.Conflicts) > 0 {
		t.Errorf("a second update does %v %v", again.Steps, again.Conflicts)
	}
	if (len(again.Pending) > 0) != (w.record.Forge != w.history.Latest()) {
		t.Errorf("%v is left, and the recorded version is %s", again.Pending, w.record.Forge)
	}
	for name, content := range w.disk {
		if strings.HasSuffix(name, update.NewSuffix) || strings.HasSuffix(name, update.DeletedSuffix) {
			delete(w.disk, name)
		}
		if strings.Contains(content, "<<<<<<< yours") {
			w.disk[name] = strings.NewReplacer("<<<<<<< yours", "", "||||||| forge", "", "=======\n", "", ">>>>>>> forge", "").Replace(content)
		}
	}
	last := w.update(t)
	if len(last.Steps)+len(last.Conflicts)+len(last.Pending) > 0 || last.Record.Forge != w.history.Latest() {
		t.Errorf("when all is done: %v %v %v, version %s", last.Steps, last.Conflicts, last.Pending, last.Record.Forge)
	}
}

// What is the user's stays, whatever the template does with it.
func TestUsersFiles(t *testing.T) {
	old := tree{"main.go": "package main\n", "handlers/doc.go": "package handlers\n", "README.md.tmpl": "old {{.ForgeVersion}}\n"}
	w := newWorld(t, nil, old, tree{"main.go": "package main // new\n", "README.md.tmpl": "new {{.ForgeVersion}}\n", "app/app.go": "package app\n", "web/web.go": "package web\n"})
	w.disk["web/web.go"] = "package web // mine\n"
	want := w.disk.with("app/app.go", "package app\n")
	u := w.update(t)
	w.land(u)
	for _, d := range differences(w.disk, want) {
		t.Error(d)
	}
	if len(u.Conflicts) > 0 {
		t.Error(u.Conflicts)
	}
	settles(t, w)
}

// Lists and go.mod are merged by what they say.
func TestByMeaning(t *testing.T) {
	const env, goMod = "# all\nA=1\nB=1\n", "module {{.Module}}\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/gone v1.0.0\n\texample.com/used v1.0.0\n)\n"
	rendered := strings.ReplaceAll(goMod, "{{.Module}}", "example.com/shop")
	old := tree{"env.tmpl": env, "gitignore.tmpl": "/bin/\n", "go.mod.tmpl": goMod, "go.sum": "a v1.0.0 h1:a=\n"}
	next := tree{
		"env.tmpl": env + "C=1\n", "gitignore.tmpl": "/bin/\n*.prof\n", "go.sum": "a v1.1.0 h1:b=\n",
		"go.mod.tmpl": "module {{.Module}}\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.1.0\n\texample.com/new v1.0.0\n)\n",
	}
	const user = "package handlers\n\nimport _ \"example.com/used/pkg\"\n"
	w := newWorld(t, nil, old, next)
	w.disk = w.disk.with(
		".env.example", env+"MINE=1\n", ".gitignore", "/bin/\n.idea/\n", "handlers/mine.go", user,
		"go.mod", strings.Replace(rendered, "\texample.com/used", "\texample.com/mine v1.0.0\n\texample.com/used", 1), "go.sum", "a v1.0.0 h1:a=\nmine v1.0.0 h1:m=\n")
	want := w.disk.with(
		".env.example", env+"MINE=1\nC=1\n", ".gitignore", "/bin/\n.idea/\n*.prof\n",
		"go.mod", "module example.com/shop\n\ngo 1.26.0\n\nrequire (\n\texample.com/a v1.1.0\n\texample.com/mine v1.0.0\n\texample.com/new v1.0.0\n\texample.com/used v1.0.0\n)\n",
		"go.sum", "a v1.0.0 h1:a=\na v1.1.0 h1:b=\nmine v1.0.0 h1:m=\n")
	untidy := func(u update.Update) {
		t.Helper()
		if !slices.ContainsFunc(u.Steps, func(s plan.Step) bool { return s.Path == "go.sum" && s.Left() }) {
			t.Error("nothing says that go.sum has lines too many")
		}
		w.land(u)
	}
	untidy(w.update(t))
	for _, d := range differences(w.disk, want) {
		t.Error(d)
	}
	settles(t, w)

	w = newWorld(t, nil, old, next) // nothing edited, but one import
	w.disk["handlers/mine.go"] = user
	untidy(w.update(t))
	if !strings.Contains(w.disk["go.mod"], "example.com/used v1.0.0") || strings.Contains(w.disk["go.mod"], "gone") || w.disk["go.sum"] != "a v1.0.0 h1:a=\na v1.1.0 h1:b=\n" {
		t.Errorf("%s\n%s", w.disk["go.mod"], w.disk["go.sum"])
	}
	settles(t, w)
}

// A base is what has the recorded checksum. Without it, nothing is merged.
func TestBases(t *testing.T) {
	old := tree{"docs/a.txt": text}
	w := newWorld(t, nil, old, old.with("docs/a.txt", newText))
	w.disk["docs/a.txt"] = mine
	w.record.Forge = "(devel)" // no release says that; one has the file all the same
	if u := w.update(t); len(u.Conflicts) > 0 || string(u.Steps[0].Content) != both {
		t.Errorf("%v %v", u.Conflicts, u.Steps)
	}

	w.record.Files[0].SHA256 = project.Sum([]byte("zero\n" + text))
	u := w.update(t)
	if got := join(u.Conflicts); got != "docs/a.txt: you changed it, and forge does not have it as it was written; the new version is docs/a.txt.forge-new" {
		t.Error(got)
	}
	if len(u.Steps) != 1 || u.Steps[0].Path != "docs/a.txt.forge-new" || string(u.Steps[0].Content) != newText {
		t.Error(u.Steps)
	}

	w.find = func(path, _ string) ([]byte, bool) { return []byte("zero\n" + text), path == "docs/a.txt" }
	if u := w.update(t); len(u.Conflicts) > 0 || len(u.Steps) != 1 || string(u.Steps[0].Content) != both {
		t.Errorf("%v %s", u.Conflicts, u.Steps[0].Content)
	}
	w.find = func(string, string) ([]byte, bool) { return []byte("something else"), true }
	if u := w.update(t); len(u.Conflicts) != 1 {
		t.Error("a base was taken that has another checksum")
	}
}

// Over several releases, renames follow each other.
func TestRenamesOverReleases(t *testing.T) {
	rename := func(from, to string) release.Changes {
		return release.Changes{Renames: []release.Rename{{From: from, To: to}}}
	}
	w := newWorld(t, map[string]release.Changes{"v0.2.0": rename("a.txt", "b.txt"), "v0.3.0": rename("b.txt", "d/c.txt")},
		tree{"a.txt": text}, tree{"b.txt": text}, tree{"d/c.txt": newText})
	w.disk["a.txt"] = mine
	w.land(w.update(t))
	for _, d := range differences(w.disk, tree{"d/c.txt": both}) {
		t.Error(d)
	}
	settles(t, w)
}
