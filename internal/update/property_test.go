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
var names = []string{"docs/a.txt", "docs/b.txt", "internal/c.go", "internal/d/e.go", "scripts/f.sh", "README.md", "handlers/g.go"}

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

// TestNothingOfTheUsersIsLost proves, for any edits of the user's in any files,
// and any changes of the template in the same ones: each line that the user wrote
// is in the project afterwards; a file that the user has not is listed, if the
// template has changed it; and a second update does nothing.
func TestNothingOfTheUsersIsLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		fresh := 0
		old := make(tree)
		for _, name := range names {
			old[name] = ""
			for i := range 12 {
				old[name] += fmt.Sprintf("// %s %d\n", name, i)
			}
			if strings.HasSuffix(name, ".go") {
				old[name] = "package x\n" + old[name]
			}
		}
		next, changes := maps.Clone(old), release.Changes{}
		for _, name := range names {
			if rapid.Bool().Draw(r, "changed") {
				next[name] = edit(r, next[name], "template", &fresh)
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
		w := newWorld(t, map[string]release.Changes{"v0.2.0": changes}, old, next)
		written := make(map[string]string) // by line, the file
		for _, name := range names {
			switch rapid.IntRange(0, 4).Draw(r, "what the user does") {
			case 0, 1:
				w.disk[name] = edit(r, w.disk[name], "user", &fresh)
			case 2:
				delete(w.disk, name)
			}
			if rapid.IntRange(0, 5).Draw(r, "squats") == 0 {
				w.disk["moved/"+name] = fmt.Sprintf("// user squats on %s\n", name)
			}
		}
		users := make(tree)
		for name, content := range w.disk {
			for line := range strings.Lines(content) {
				if strings.HasPrefix(line, "// user ") {
					written[line] = name
				}
			}
			if name == "README.md" || strings.HasPrefix(name, "handlers/") {
				users[name] = content
			}
		}
		u := w.update(t)
		w.land(u)
		all := strings.Join(slices.Collect(maps.Values(w.disk)), "")
		for line, name := range written {
			if strings.Count(all, line) != 1 {
				r.Fatalf("%q of %s is there %d times; conflicts: %v", line, name, strings.Count(all, line), u.Conflicts)
			}
		}
		for name, content := range users {
			if w.disk[name] != content {
				r.Fatalf("%s is the user's, and became %q", name, w.disk[name])
			}
		}
		for name, content := range w.disk {
			if (strings.Contains(content, "<<<<<<<") || strings.HasSuffix(name, update.NewSuffix) || strings.HasSuffix(name, update.DeletedSuffix)) && !listed(u, name) {
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
