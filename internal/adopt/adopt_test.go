package adopt_test

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/adopt"
	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/plan"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// tree is a project in memory.
type tree map[string]string

func (t tree) File(name string) (plan.File, error) {
	if content, ok := t[name]; ok {
		return plan.File{Content: []byte(content), Mode: 0o644}, nil
	}
	return plan.File{}, fs.ErrNotExist
}

func (t tree) Files() []string { return slices.Sorted(maps.Keys(t)) }

func (tree) Others() []string { return nil }

func (tree) Links() map[string][]byte { return nil }

func (tree) LinksTo() map[string]string { return nil }

func (t tree) GoFiles() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t)), func(name string) bool {
		return !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "internal/")
	})
}

// rendered is a project with its record taken out, and the record.
func rendered(t require, tmpl fs.FS, a answers.Answers, version string) (tree, project.Project) {
	t.Helper()
	files, err := render.Render(tmpl, a, version)
	if err != nil {
		t.Fatal(err)
	}
	disk := make(tree)
	for _, f := range files.Files {
		disk[f.Path] = string(f.Content)
	}
	record, err := project.Parse([]byte(disk[project.Path]))
	if err != nil {
		t.Fatal(err)
	}
	delete(disk, project.Path)
	return disk, record
}

type require interface {
	Helper()
	Fatal(args ...any)
}

// with is the template with a line put into a file of it, for each pair.
func with(t *testing.T, tmpl fs.FS, pairs ...string) fstest.MapFS {
	t.Helper()
	files := make(fstest.MapFS)
	err := fs.WalkDir(tmpl, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tmpl, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		f := files[pairs[i]]
		if f == nil {
			t.Fatalf("the template has no %s", pairs[i])
		}
		f.Data = append(slices.Clone(f.Data), pairs[i+1]+"\n"...)
	}
	return files
}

var (
	names  = []string{"my-service", "shop", "a.b_c", "S1", "kafka-service"}
	topics = []string{"orders", "payments", "1st.topic_X-y", "handlers", "refunds", "test", "order"}
)

func anyAnswers(r *rapid.T) answers.Answers {
	a := answers.Defaults(rapid.SampledFrom(names).Draw(r, "name"))
	a.Module = rapid.SampledFrom([]string{a.Module, "example.com/a/b", "github.com/me/orders"}).Draw(r, "module")
	a.Topics = rapid.SliceOfNDistinct(rapid.SampledFrom(topics), 1, 3, rapid.ID[string]).Draw(r, "topics")
	a.Group = rapid.OneOf(rapid.Just(a.Name), rapid.StringOfN(rapid.SampledFrom([]rune("aA1_ '\"`$\\#={}<>|%é")), 1, 9, -1)).Draw(r, "group")
	a.Brokers = rapid.SampledFrom([][]string{{"localhost:9092"}, {"a.b:1", "[::1]:9092"}}).Draw(r, "brokers")
	a.With = nil
	for _, e := range answers.Extras() {
		if rapid.Bool().Draw(r, e.Name) {
			a.With = append(a.With, e.Name)
		}
	}
	if a.Validate() != nil {
		r.Skip("refused")
	}
	return a
}

// editAsUser puts lines into files, and takes some away; of those that forge manages
// only a few.
func editAsUser(r *rapid.T, disk tree, record project.Project) {
	for _, f := range record.Files {
		often := 3
		if f.Owner == project.Managed {
			often = 40
		}
		if rapid.IntRange(0, often).Draw(r, f.Path) != 0 {
			continue
		}
		lines := strings.SplitAfter(disk[f.Path], "\n")
		at := rapid.IntRange(0, len(lines)-1).Draw(r, "line")
		disk[f.Path] = strings.Join(slices.Insert(lines, at, "// mine\n"), "")
	}
	for _, name := range []string{"README.md", "Dockerfile", "AGENTS.md", ".env"} {
		if rapid.IntRange(0, 3).Draw(r, "deletes") == 0 {
			delete(disk, name)
		}
	}
	disk["handlers/mine.go"] = "package handlers\n"
}

// TestLostRecordIsFound proves of any answers, and of any edits of the user's, that
// the record found is the one that was lost, with each checksum.
func TestLostRecordIsFound(t *testing.T) {
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		if checks++; checks > 30 || testing.Short() && checks > 5 { // each renders some twenty projects
			return
		}
		a := anyAnswers(r)
		disk, record := rendered(t, template.FS, a, "v0.1.0")
		editAsUser(r, disk, record)
		found, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{Version: "v0.1.0", Files: template.FS}}, Dir: "dir", Disk: disk})
		if err != nil {
			r.Fatal(err)
		}
		want, err := record.Marshal()
		if err != nil {
			r.Fatal(err)
		}
		if got, err := found.Record.Marshal(); err != nil || !bytes.Equal(got, want) {
			r.Fatalf("found %s, %v, lost %s", got, err, want)
		}
	})
}

// TestClosestReleaseIsFound proves that the release is found by what it manages, also
// where the user has edited what is different, and says which others are as close.
func TestClosestReleaseIsFound(t *testing.T) {
	second := with(t, template.FS, "docs/operating.md.tmpl", "one more line")
	third := with(t, second, "handlers/handlers.go", "// of the user's")
	known := []adopt.Template{{"v0.1.0", template.FS}, {"v0.2.0", second}, {"v0.3.0", third}}
	for i, k := range known {
		disk, record := rendered(t, k.Files, answers.Defaults("shop"), k.Version)
		disk["docs/operating.md"] = "mine\n" + disk["docs/operating.md"]
		found, err := adopt.Find(adopt.Input{Templates: known, Disk: disk})
		if err != nil || !reflect.DeepEqual(found.Record, record) {
			t.Fatalf("of %s: found %s, %v", k.Version, found.Record.Forge, err)
		}
		if found.Count(adopt.Edited) != 1 || found.Count(adopt.Missing) != 0 || found.Count(adopt.Same) != len(found.Files)-1 || found.Sure() == 1 || found.Sure() < 0.98 {
			t.Errorf("of %s: %d edited, %v sure", k.Version, found.Count(adopt.Edited), found.Sure())
		}
		asClose := []string{}
		for _, o := range found.Others {
			if o.AsClose {
				asClose = append(asClose, o.Version)
			}
		}
		if want := [][]string{{}, {"v0.3.0"}, {"v0.2.0"}}[i]; !slices.Equal(asClose, want) {
			t.Errorf("of %s: as close are %v, want %v", k.Version, asClose, want)
		}
	}
}

// TestUsersFilesAreLookedBackFor proves that after an update, which leaves the
// user's files, each is recorded as the release wrote it that did.
func TestUsersFilesAreLookedBackFor(t *testing.T) {
	second := with(t, template.FS, "docs/operating.md.tmpl", "one more line", "handlers/handlers.go", "// anew")
	first, lost := rendered(t, template.FS, answers.Defaults("shop"), "v0.1.0")
	disk, record := rendered(t, second, answers.Defaults("shop"), "v0.2.0")
	for _, name := range []string{"handlers/handlers.go", "README.md"} {
		disk[name] = first[name]
		at := func(f project.File) bool { return f.Path == name }
		record.Files[slices.IndexFunc(record.Files, at)] = lost.Files[slices.IndexFunc(lost.Files, at)]
	}
	disk["README.md"] += "mine\n"
	found, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{"v0.1.0", template.FS}, {"v0.2.0", second}}, Disk: disk})
	if err != nil || !reflect.DeepEqual(found.Record, record) {
		t.Errorf("found %s, %v", found.Record.Forge, err)
	}
}

// TestRegisteredTopicsAreTaken proves that no edit of a topic's files takes it out of the
// answers while it is registered, and that one without a file is named.
func TestRegisteredTopicsAreTaken(t *testing.T) {
	a := answers.Defaults("shop")
	a.Topics = []string{"a1", "b1", "c1"}
	disk, _ := rendered(t, template.FS, a, "v0.1.0")
	for _, topic := range []string{"a1", "b1"} {
		for _, file := range []string{"handlers/%.go", "models/%.go", "dev/samples/%.json"} {
			disk[strings.ReplaceAll(file, "%", topic)] += "// mine\n"
		}
		delete(disk, "handlers/"+topic+"_test.go")
	}
	for _, file := range []string{"handlers/c1.go", "models/c1.go", "dev/samples/c1.json"} {
		disk[strings.Replace(file, "c1", "third", 1)] = disk[file]
		delete(disk, file)
	}
	disk["models/stock_changed.go"] = "package models\n\ntype StockChanged struct{}\n\nfunc (StockChanged) Topic() string { return \"stock-changed\" }\n"
	found, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{"v0.1.0", template.FS}}, Disk: disk})
	if err != nil || !slices.Equal(found.Record.Answers.Topics, []string{"a1", "b1"}) || !slices.Equal(found.Untaken, []string{"c1"}) {
		t.Errorf("found %v, untaken %v, %v", found.Record.Answers.Topics, found.Untaken, err)
	}
}

// TestAnswersOfDamagedRecordAreTaken proves that a record of which the list of files
// is damaged still tells the answers, schemas too.
func TestAnswersOfDamagedRecordAreTaken(t *testing.T) {
	a := answers.Defaults("shop")
	a.Schemas = map[string]answers.Schema{"orders": {File: "x.json", Text: `{"id": "A", "n": 1}`}}
	disk, record := rendered(t, template.FS, a, "v0.1.0")
	text, err := record.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	damaged := []byte(strings.Replace(string(text), "  - path", "<<<<<<< HEAD\n  - path", 1))
	if _, err := project.Parse(damaged); err == nil {
		t.Fatal("it is not damaged")
	}
	found, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{"v0.1.0", template.FS}}, Disk: disk, Damaged: damaged})
	if err != nil || !reflect.DeepEqual(found.Record, record) {
		t.Errorf("found %+v, %v", found.Record.Answers, err)
	}
}

// TestSchemasOfAvroAreFound proves that the schema which the service keeps is found.
func TestSchemasOfAvroAreFound(t *testing.T) {
	a := answers.Defaults("shop")
	a.With = append(a.With, answers.Avro)
	a.Schemas = map[string]answers.Schema{"orders": {File: "models/orders.avsc", Text: `{"type": "record", "name": "Made", "fields": [{"name": "id", "type": "string"}, {"name": "n", "type": "long"}]}`}}
	disk, record := rendered(t, template.FS, a, "v0.1.0")
	found, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{"v0.1.0", template.FS}}, Disk: disk})
	if err != nil || found.Sure() != 1 {
		t.Fatalf("%v sure, %v", found.Sure(), err)
	}
	if _, ok := disk["models/orders.avsc"]; ok && !reflect.DeepEqual(found.Record, record) {
		t.Errorf("found %+v", found.Record.Answers)
	}
}

// TestNoServiceIsRefused proves that what forge did not write is refused, with what
// was looked for.
func TestNoServiceIsRefused(t *testing.T) {
	service, _ := rendered(t, template.FS, answers.Defaults("shop"), "v0.1.0")
	for i, tt := range []struct {
		disk tree
		want string
	}{
		{tree{}, "go.mod is not there"},
		{tree{"go.mod": "module example.com/x\n", "main.go": "package main\n"}, "no message.Register"},
		{tree{"go.mod": service["go.mod"], "handlers/handlers.go": service["handlers/handlers.go"], "handlers/orders.go": "package handlers\n"}, "files that forge v0.1.0 manages are there"},
	} {
		_, err := adopt.Find(adopt.Input{Templates: []adopt.Template{{"v0.1.0", template.FS}}, Dir: strconv.Itoa(i), Disk: tt.disk})
		if _, ok := errors.AsType[*adopt.NotServiceError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d: %v, want %s", i, err, tt.want)
		}
	}
}
