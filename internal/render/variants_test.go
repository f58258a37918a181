package render_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/project"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// TestFiles proves which files there are, whose they are, and their modes.
func TestFiles(t *testing.T) {
	a := two()
	a.With = []string{answers.GitHub, answers.Docker}
	tree, err := render.Render(fake(
		"env.tmpl", "A=1\n", "gitignore.tmpl", "/bin/\n", "README.md.tmpl", "# x\n", "main.go", "package main\n", "app/app.go", "package app\n",
		"Dockerfile", "FROM x\n", ".dockerignore", "bin\n", "compose.yaml.tmpl", "a: b\n", ".github/workflows/ci.yml", "on: push\n",
		"handlers/handlers.go", "package handlers\n", "handlers/orders.go", "package handlers\n", "handlers/orders_test.go", "package handlers\n",
		"dev/samples/orders.json", "[]\n", "dev/samples/samples.go", "package samples\n", "dev/run", "#!/bin/sh\n", "internal/x/x.go", "package x\n",
	), a, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range tree.Files {
		got.WriteString(f.Mode.String() + " " + string(f.Owner) + " " + f.Path + "\n")
	}
	const want = `-rw-r--r-- managed .dockerignore
-rw------- user .env
-rw-r--r-- user .env.example
-rw-r--r-- managed .forge/project.yaml
-rw-r--r-- managed .github/workflows/ci.yml
-rw-r--r-- managed .gitignore
-rw-r--r-- user Dockerfile
-rw-r--r-- user README.md
-rw-r--r-- user app/app.go
-rw-r--r-- user compose.yaml
-rwxr-xr-x managed dev/run
-rw-r--r-- user dev/samples/1st_topic_x_y.json
-rw-r--r-- user dev/samples/payments.json
-rw-r--r-- managed dev/samples/samples.go
-rw-r--r-- user handlers/1st_topic_x_y.go
-rw-r--r-- user handlers/1st_topic_x_y_test.go
-rw-r--r-- user handlers/handlers.go
-rw-r--r-- user handlers/payments.go
-rw-r--r-- user handlers/payments_test.go
-rw-r--r-- managed internal/x/x.go
-rw-r--r-- user main.go
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	record, err := project.Parse(file(t, tree, project.Path).Content)
	if err != nil {
		t.Fatal(err)
	}
	if record.Forge != "v1.0.0" || record.Answers.Group != a.Group || len(record.Files) != len(tree.Files)-1 {
		t.Errorf("the record is %+v", record)
	}
	for _, f := range record.Files {
		rendered := file(t, tree, f.Path)
		if mode, err := f.Perm(); err != nil || mode != rendered.Mode || f.Owner != rendered.Owner || f.SHA256 != project.Sum(rendered.Content) {
			t.Errorf("the record has %+v for %s", f, f.Path)
		}
	}
}

// TestFilesOfExtras proves which extras a file wants, by its place and its name.
func TestFilesOfExtras(t *testing.T) {
	for name, want := range map[string]string{
		"main.go": "", "app/app.go": "", "e2e/kafka_test.go": "", "internal/kafka/client.go": "", "internal/x/avrox.go": "", "internal/x/to_http_by.go": "",
		"Dockerfile": "docker", ".dockerignore": "docker", "compose.yaml.tmpl": "docker", ".github/workflows/ci.yml": "github",
		"internal/schema/x.go": "avro", "internal/config/avro.go": "avro", "dev/samples/avro_body.go": "avro", "codec_avro.go": "avro", "docs/avro.md.tmpl": "avro",
		"internal/httpapi/openapi/x.go": "http", "openapi.yaml.tmpl": "http", "web/web.go": "http", "http_test.go": "http", "e2e/http_orders_test.go": "http",
		"internal/x/batch.go": "batch", "internal/x/batch/x.go": "batch",
		"internal/x/x_test.go": "tests", "internal/x/testdata/y": "tests", "internal/x/avro_test.go": "avro tests", "internal/x/batch_avro.go": "avro batch",
		"internal/schema/http.go": "avro http", "dev/testdata/y": "", "dev/x_test.go": "", "internal/x/xtest/x.go": "",
	} {
		var got []string
		for _, extra := range allExtras() {
			a := two()
			a.With = slices.DeleteFunc(allExtras(), func(e string) bool { return e == extra })
			tree, err := render.Render(fake(name, "package x\n"), a, "v1.0.0")
			if err != nil {
				t.Fatal(err)
			}
			if len(tree.Files) == 1 { // the record
				got = append(got, extra)
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s wants the extras %q, not %q", name, got, want)
		}
	}
}

// TestVariants proves that a project has one of several variants of a file, and
// that nothing tells that there are others.
func TestVariants(t *testing.T) {
	tmpl := fake(
		"codec.go", "//go:build !avro && !batch\n\n// Package main is it.\npackage main\n",
		"codec_avro.go", "//go:build avro\n\npackage main\n\n//go:build is a word\n",
		"codec_batch.go", "//go:build batch && !avro\n\npackage main\n",
		"internal/x/x_unix.go", "//go:build linux\n\npackage x\n",
		"source.go", "// License.\n\n//go:build kafka\n\npackage main\n",
		"other.go", "//go:build !kafka\n\npackage main\n",
	)
	for with, want := range map[string]string{
		"":           "codec.go internal/x/x_unix.go source.go",
		"avro":       "codec_avro.go internal/x/x_unix.go source.go",
		"batch":      "codec_batch.go internal/x/x_unix.go source.go",
		"avro batch": "codec_avro.go internal/x/x_unix.go source.go",
	} {
		a := two()
		a.With = strings.Fields(with)
		tree, err := render.Render(tmpl, a, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range tree.Files[1:] { // after the record
			got = append(got, f.Path)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("with %q there are %s, not %s", with, got, want)
		}
		for name, want := range map[string]string{
			"codec.go": "// Package main is it.\npackage main\n", "codec_avro.go": "package main\n\n//go:build is a word\n", "codec_batch.go": "package main\n",
			"source.go": "// License.\n\npackage main\n", "internal/x/x_unix.go": "//go:build linux\n\npackage x\n",
		} {
			if slices.Contains(got, name) && string(file(t, tree, name).Content) != want {
				t.Errorf("with %q, %s is %q", with, name, file(t, tree, name).Content)
			}
		}
	}
}

// TestNothingOfKafkaIsWithAnotherSource proves that a service of another source, with every
// extra that it may have, says nothing of Kafka but where a Schema Registry needs it.
func TestNothingOfKafkaIsWithAnotherSource(t *testing.T) {
	because := map[string]string{
		"compose.yaml":                   "the registry keeps its schemas there",
		"internal/schema/behind.go":      "as above",
		"internal/schema/python_test.go": "a library is called so",
		"internal/config/docs_test.go":   "it reads the template of all sources",
		"docs/avro.md":                   "schemas are committed to git",
		"internal/dlq/letter.go":         "it reads the letters of a library that is called so",
		"go.sum":                         "a sum of a module that another names",
	}
	ofKafka := regexp.MustCompile("(?i)kafka|rebalanc|consumer group|committed|the group's|session timeout|low-water")
	for _, source := range []string{answers.JetStream, answers.RabbitMQ} {
		a := two()
		answers.SetSource(&a, source)
		a.With = slices.DeleteFunc(allExtras(), func(extra string) bool { return answers.CheckExtrasFor(source, []string{extra}) != nil })
		tree, err := render.Render(template.FS, a, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tree.Files {
			of := ofKafka
			if strings.HasSuffix(f.Path, ".go") || strings.HasPrefix(f.Path, "deploy/") {
				of = regexp.MustCompile("(?i)kafka")
			}
			for i, line := range strings.Split(string(f.Content), "\n") {
				if of.MatchString(line) && because[f.Path] == "" && line != "## RebalanceStorm" { // the alert's name, and link
					t.Errorf("%s: %s:%d: %s", source, f.Path, i+1, line)
				}
			}
		}
	}
}

// TestSharedFiles proves that what two parts have in common is there with each of them,
// and not without both.
func TestSharedFiles(t *testing.T) {
	for _, c := range []struct {
		source string
		with   []string
		want   bool
	}{
		{answers.Kafka, nil, true}, {answers.Kafka, []string{answers.DLQ}, true}, {answers.KafkaShare, []string{answers.DLQ}, true}, {answers.KafkaShare, nil, false},
	} {
		a := two()
		answers.SetSource(&a, c.source)
		a.With = c.with
		tree, err := render.Render(fake("internal/kafka/look.go", "package kafka\n"), a, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		if got := len(tree.Files) == 2; got != c.want { // with the record
			t.Errorf("%s with %v has the file: %v", c.source, c.with, got)
		}
	}
}
