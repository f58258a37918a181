package update_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/internal/update"
)

// tree is a project, or a template, in memory.
type tree map[string]string

func (t tree) File(name string) (plan.File, error) {
	if target, ok := strings.CutPrefix(t[name], "link to "); ok {
		return plan.File{Mode: fs.ModeSymlink | 0o777, Content: []byte(target)}, nil
	}
	if content, ok := t[name]; ok {
		return plan.File{Content: []byte(content), Mode: 0o644}, nil
	}
	return plan.File{}, fs.ErrNotExist
}

func (t tree) Files() []string { return slices.Sorted(maps.Keys(t)) }

func (tree) Others() []string { return nil }

func (t tree) Links() map[string][]byte {
	links := make(map[string][]byte)
	for name, content := range t {
		if target, ok := strings.CutPrefix(content, "link to "); ok && strings.HasSuffix(name, ".go") {
			links[name] = []byte(t[target])
		}
	}
	return links
}

func (tree) LinksTo() map[string]string { return nil }

func (t tree) GoFiles() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if strings.HasSuffix(name, ".go") && !strings.HasPrefix(name, "internal/") && !strings.HasPrefix(t[name], "link to ") {
			names = append(names, name)
		}
	}
	return names
}

func (t tree) template() fs.FS {
	files := make(fstest.MapFS)
	for name, content := range t {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return files
}

// with returns a tree with other files; one without content is deleted.
func (t tree) with(pairs ...string) tree {
	changed := maps.Clone(t)
	for i := 0; i < len(pairs); i += 2 {
		changed[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "" {
			delete(changed, pairs[i])
		}
	}
	return changed
}

// world has releases, and a project that the first one wrote.
type world struct {
	history *release.Archive
	record  project.Project
	disk    tree
	find    func(path, sum string) ([]byte, bool)
}

// newWorld cuts a release of each template: v0.1.0, v0.2.0 and so on. changes are
// what they declare, by version.
func newWorld(t testing.TB, changes map[string]release.Changes, templates ...tree) *world {
	t.Helper()
	dir := t.TempDir()
	for i, tmpl := range templates {
		version := fmt.Sprintf("v0.%d.0", i+1)
		next, err := yaml.Marshal(changes[version])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "next.yaml"), next, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := release.Cut(dir, version, tmpl.template()); err != nil {
			t.Fatal(err)
		}
	}
	history, err := release.NewArchive(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{history: history, disk: make(tree)}
	first, _, err := history.Open("v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := render.Render(first, answers.Defaults("shop"), "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rendered.Files {
		if f.Path == project.Path {
			if w.record, err = project.Parse(f.Content); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.disk[f.Path] = string(f.Content)
	}
	return w
}

// update plans the update to the newest release.
func (w *world) update(t reporter) update.Update {
	t.Helper()
	version := w.history.Latest()
	target, _, err := w.history.Open(version)
	if err != nil {
		t.Fatal(err)
	}
	in := update.Input{Record: w.record, Version: version, Target: target, History: w.history, Disk: w.disk, Find: w.find}
	for name := range w.disk {
		if strings.HasSuffix(name, update.NewSuffix) || strings.HasSuffix(name, update.DeletedSuffix) {
			in.Beside = append(in.Beside, name)
		}
	}
	u, err := update.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// land does what an update says.
func (w *world) land(u update.Update) {
	for _, s := range u.Steps {
		switch s.Kind {
		case plan.Delete:
			delete(w.disk, s.Path)
		case plan.Keep:
		default:
			w.disk[s.Path] = string(s.Content)
		}
	}
	w.record = u.Record
}

// differences are the files in which two trees differ, with what is there in got.
func differences(got, want tree) []string {
	var all []string
	for name, content := range got {
		if want[name] != content {
			all = append(all, fmt.Sprintf("%s is %q, want %q", name, content, want[name]))
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			all = append(all, name+" is missing")
		}
	}
	slices.Sort(all)
	return all
}
