package project_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
)

// record returns a valid record with one file of each owner.
func record() project.Project {
	return project.Project{
		Schema:  project.Schema,
		Forge:   "v1.2.3",
		Answers: answers.Defaults("my-service"),
		Files: []project.File{
			project.NewFile("handlers/orders.go", 0o644, []byte("package handlers\n"), project.User),
			project.NewFile("run.sh", 0o755, nil, project.Managed),
		},
	}
}

// TestRecordsForm pins what later forges must be able to read.
func TestRecordsForm(t *testing.T) {
	const want = `# Written by forge, which reads it again to update the project. Keep it under version control.
schema: 1
forge: v1.2.3
answers:
  name: my-service
  module: example.com/my-service
  topics:
    - orders
  group: my-service
  brokers:
    - localhost:9092
  with:
    - docker
    - github
  source: kafka
files:
  - path: "handlers/orders.go"
    mode: "0644"
    sha256: c13063529a3113708e839de6aa0ad6ea75572c4399a3407175736e42ae75f057
    owner: user
  - path: "run.sh"
    mode: "0755"
    sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    owner: managed
`
	got, err := record().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back, err := project.Parse(got)
	if err != nil || !reflect.DeepEqual(back, record()) {
		t.Errorf("reads back as %+v, %v", back, err)
	}
	if mode, err := back.Files[1].Perm(); err != nil || mode != 0o755 {
		t.Errorf("mode %v, %v", mode, err)
	}
}

// TestReadsBackEqual proves it of answers that mean something in YAML.
func TestReadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := record()
		p.Answers.Group = rapid.String().Draw(t, "group")
		p.Answers.Topics = rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{"null", "~", "1.0", "0x1", "1e3", "true", "no", "---", "...", "- a", "2001-01-01", "<<", "a: b", "a #b", "!!str"}),
			rapid.String()), 1, 3).Draw(t, "topics")
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Marshal()
		if err != nil || string(again) != string(data) {
			t.Fatalf("marshaled again it is another: %v", err)
		}
		back, err := project.Parse(data)
		if err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("%s\nreads back as %+v, %v", data, back, err)
		}
	})
}

// TestRecordsNoPlaceOfThisMachine proves that a schema's absolute path is not recorded,
// which is of one machine, and that the answers stay as they are.
func TestRecordsNoPlaceOfThisMachine(t *testing.T) {
	p := record()
	p.Answers.Schemas = map[string]answers.Schema{"orders": {File: t.TempDir() + "/order.avsc", Text: "{}"}, "x": {File: "schemas/x.json", Text: "{}"}}
	was := p.Answers.Schemas["orders"].File
	data, err := p.Marshal()
	if err != nil || strings.Contains(string(data), was) || !strings.Contains(string(data), "file: order.avsc\n") || !strings.Contains(string(data), "file: schemas/x.json\n") {
		t.Errorf("%v\n%s", err, data)
	}
	if p.Answers.Schemas["orders"].File != was {
		t.Error("the answers are others now")
	}
}

func TestParseRefuses(t *testing.T) {
	valid, err := record().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	head, files, _ := strings.Cut(string(valid), "files:")
	for _, tt := range []struct{ old, with, want string }{
		{"schema: 1", "schema: 2\nnew: x", "schema 2, this forge reads schema 1: use forge v1.2.3, or a newer one"},
		{"schema: 1", "", "no schema"},
		{"schema: 1", "schema: one", "is not a number"},
		{"forge: v1.2.3", "forge: v1.2.3\nfrge: x", `unknown key "frge"`},
		{"owner: user", "owner: user\n    colour: red", `unknown key "colour"`},
		{"owner: user", "owner: nobody", `has the owner "nobody"`},
		{`path: "run.sh"`, "path: ../run.sh", "is not inside the project"},
		{`path: "run.sh"`, "path: /run.sh", "is not inside the project"},
		{`path: "run.sh"`, "path: .", "is not inside the project"},
		{`path: "run.sh"`, "path: handlers/orders.go", "is named twice"},
		{`path: "run.sh"`, "path: .git/config", "what is in .git and in .forge no template writes"},
		{`path: "run.sh"`, "path: lib/.GIT/hooks/pre-commit", "what is in .git and in .forge no template writes"},
		{`path: "run.sh"`, "path: .forge/project.yaml", "what is in .git and in .forge no template writes"},
		{`path: "run.sh"`, "path: .git", "what is in .git and in .forge no template writes"},
		{`path: "run.sh"`, "path: ./run.sh", "is no path of forge's"},
		{`path: "run.sh"`, "path: a/../run.sh", "is no path of forge's"},
		{`path: "run.sh"`, `path: '..\run.sh'`, "is no path of forge's"},
		{`path: "run.sh"`, `path: "run\nsh"`, "is no path of forge's"},
		{`mode: "0644"`, "mode: 644", `mode "644"`},
		{`mode: "0644"`, `mode: "9999"`, `mode "9999"`},
		{"sha256: e3b0", "sha256: e3", "not 64 hexadecimal digits"},
		{"files:", "files: [", "did not find"},
		{string(valid), head, "no list of files"},
		{files, " []\n", "no list of files"},
	} {
		text := strings.Replace(string(valid), tt.old, tt.with, 1)
		if _, err := project.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), project.Path) {
			t.Errorf("%q for %q: got %v, want %s", tt.with, tt.old, err, tt.want)
		}
	}
	for _, text := range []string{"", "a text", "- a"} {
		if _, err := project.Parse([]byte(text)); err == nil {
			t.Errorf("%q is read as a record", text)
		}
	}
}
