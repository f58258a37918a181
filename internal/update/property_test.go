package update_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/update"
)

// The files of the property test: forge's own, of each kind of merge, and the
// user's.
var names = []string{"docs/a.txt", "docs/b.txt", "internal/c.go", "internal/d/e.go", "scripts/f.sh", "docs/.gitignore", ".env.example", "README.md", "handlers/g.go"}

// edit changes some lines of a text. Each new line is unlike any other, so that
// it can be found again.
func edit(t *rapid.T, text, who string, fresh *int) string {
	lines := strings.SplitAfter(text, "\n")
	for range rapid.IntRange(1, 3).Draw(t, "edits") {
		at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
		gone := rapid.IntRange(0, min(2, len(lines)-1-at)).Draw(t, "gone")
		var more []string
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			*fresh++
			more = append(more, fmt.Sprintf("// %s %d\n", who, *fresh))
		}
		lines = slices.Concat(lines[:at], more, lines[at+gone:])
	}
	return strings.Join(lines, "")
}

// templates draws a template and the one after it.
func templates(r *rapid.T, fresh *int) (old, next tree, changes release.Changes) {
	old = make(tree)
	for _, name := range names {
		old[name] = ""
		for i := range 12 {
			old[name] += fmt.Sprintf("// %s %d\n", name, i)
		}
		if strings.HasSuffix(name, ".go") {
			old[name] = "package x\n" + old[name]
		}
	}
	next = maps.Clone(old)
	for _, name := range names {
		if rapid.Bool().Draw(r, "changed") {
			next[name] = edit(r, next[name], "template", fresh)
		}
		switch rapid.IntRange(0, 5).Draw(r, "what the template does") {
		case 0:
			delete(next, name)
		case 1:
			to := "moved/" + name
			next[to] = next[name]
			delete(next, name)
			if rapid.IntRange(0, 3).Draw(r, "declared") > 0 {
				changes.Renames = append(changes.Renames, release.Rename{From: name, To: to})
			}
		}
	}
	return old, next, changes
}

// editAsUser draws what the user does with a project.
func editAsUser(r *rapid.T, disk tree, fresh *int) {
	for _, name := range names {
		switch rapid.IntRange(0, 4).Draw(r, "what the user does") {
		case 0, 1:
			disk[name] = edit(r, disk[name], "user", fresh)
		case 2:
			delete(disk, name)
		}
		if rapid.IntRange(0, 5).Draw(r, "squats") == 0 {
			disk["moved/"+name] = fmt.Sprintf("// user squats on %s\n", name)
		}
	}
}

// usersLines are the lines that the user wrote, sorted.
func usersLines(disk tree) []string {
	var all []string
	for _, content := range disk {
		for line := range strings.Lines(content) {
			if strings.HasPrefix(line, "// user ") {
				all = append(all, line)
			}
		}
	}
	slices.Sort(all)
	return all
}

// TestNothingOfTheUsersIsLost proves, for any edits of the user's in any files,
// and any changes of the template in the same ones: each line that the user wrote
// is in the project afterwards, once; the user's own files are as they were; what
// is put between markers or beside a file is listed; and a second update does
// nothing.
func TestNothingOfTheUsersIsLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fresh := 0
		old, next, changes := templates(r, &fresh)
		w := newWorld(t, map[string]release.Changes{"v0.2.0": changes}, old, next)
		editAsUser(r, w.disk, &fresh)
		before := maps.Clone(w.disk)
		u := w.update(t)
		w.land(u)
		if got, want := usersLines(w.disk), usersLines(before); !slices.Equal(got, want) {
			r.Fatalf("the user's lines are %q, were %q; conflicts: %v", got, want, u.Conflicts)
		}
		for name, content := range before {
			if (name == "README.md" || strings.HasPrefix(name, "handlers/")) && w.disk[name] != content {
				r.Fatalf("%s is the user's, and became %q", name, w.disk[name])
			}
		}
		for name, content := range w.disk {
			isMarked := strings.Contains(content, "<<<<<<<")
			if (isMarked || strings.HasSuffix(name, update.NewSuffix) || strings.HasSuffix(name, update.DeletedSuffix)) && !listed(u, name) {
				r.Fatalf("%s is no listed conflict: %v", name, u.Conflicts)
			}
		}
		settles(r, w)
	})
}

func listed(u update.Update, name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, update.NewSuffix), update.DeletedSuffix)
	return slices.ContainsFunc(u.Conflicts, func(c update.Conflict) bool { return c.Path == name })
}
