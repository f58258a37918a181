package template_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

var update = flag.Bool("update", false, "store what go mod tidy makes of the rendered project in go.mod.tmpl and go.sum.tmpl")

// libraryExtras are the extras that may want libraries of their own.
var libraryExtras = []string{answers.Docker, answers.Avro, answers.HTTP, answers.OTel, answers.Tests}

// combinations are services that may want different libraries: of each source with each
// set of extras.
func combinations() []answers.Answers {
	var all []answers.Answers
	for _, source := range answers.Sources() {
		for n := range 1 << len(libraryExtras) {
			var set []string
			for i, extra := range libraryExtras {
				if n>>(len(libraryExtras)-1-i)&1 == 1 { // the first extra decides between the halves
					set = append(set, extra)
				}
			}
			all = append(all, tidyService(source, set...))
		}
	}
	return all
}

// TestGoModIsTidy asks go mod tidy whether go.mod and go.sum of a project that
// was just rendered are what it would write, for every set of extras. With
// -update it stores what tidy chooses; the versions come from forge's go.mod.
//
// For one set alone: go test ./template -run 'TestGoModIsTidy/^jetstream,avro,tests$'.
func TestGoModIsTidy(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	if *update {
		updateGoMod(t)
		return
	}
	for _, a := range append(combinations(), tidyService(answers.Kafka, answers.Docker, answers.GitHub)) {
		t.Run(strings.Join(append([]string{a.Source}, a.With...), ","), func(t *testing.T) {
			dir := write(t, a)
			cmd := goCommand(t, dir, "mod", "tidy", "-diff")
			if out, err := cmd.CombinedOutput(); err != nil { // what is downloaded is output too, and no error
				t.Errorf("go mod tidy -diff: %v\n%s\nrun: go test ./template -run TestGoModIsTidy -update", err, out)
			}
		})
	}
}

func tidyService(source string, with ...string) answers.Answers {
	a := answers.Defaults("tidy-service")
	a.Topics = append(a.Topics, "payments")
	answers.SetSource(&a, source)
	a.With = with
	return a
}

// updateGoMod lets go mod tidy choose, from forge's own requirements, what the
// project needs with each set of extras, and stores the templates that say it.
func updateGoMod(t *testing.T) {
	t.Helper()
	_, requirements, _ := bytes.Cut(readFile(t, "../go.mod"), []byte("\n"))
	var mods []*modfile.File
	var sums []string
	for _, a := range combinations() {
		dir := write(t, a)
		before := readFile(t, filepath.Join(dir, "go.mod"))
		writeFile(t, filepath.Join(dir, "go.mod"), append([]byte("module "+a.Module+"\n"), requirementsOf(a.With, requirements, before)...))
		writeFile(t, filepath.Join(dir, "go.sum"), readFile(t, "../go.sum"))
		if out, err := goCommand(t, dir, "mod", "tidy").CombinedOutput(); err != nil {
			t.Fatalf("%s with %v: go mod tidy: %v\n%s", a.Source, a.With, err, out)
		}
		mods = append(mods, parseGoMod(t, "go.mod", readFile(t, filepath.Join(dir, "go.mod"))))
		sums = append(sums, string(readFile(t, filepath.Join(dir, "go.sum"))))
	}
	writeFile(t, "service/go.mod.tmpl", []byte(goModTemplate(byAnswers, mods)))
	writeFile(t, "service/go.sum.tmpl", []byte(goSumTemplate(byAnswers, sums)))
}

// ofOTel are the requirements whose versions the extra otel chooses. Without it a
// service has some of them as well, of other libraries and for its tests only, and
// keeps the versions that it has.
var ofOTel = regexp.MustCompile(`(?m)^\t(go\.opentelemetry\.io/|google\.golang\.org/(grpc|genproto)|github\.com/(grpc-ecosystem/|go-logr/logr )).*\n`)

// requirementsOf returns what a set of extras begins with: forge's requirements, and
// with some of its own as they were before.
func requirementsOf(with []string, all, before []byte) []byte {
	if slices.Contains(with, answers.OTel) {
		return all
	}
	own := bytes.Join(ofOTel.FindAll(before, -1), nil)
	return slices.Concat(ofOTel.ReplaceAll(all, nil), []byte("\nrequire (\n"), own, []byte(")\n"))
}

// TestGoModHasForgesVersions proves that the service is built by its user with
// the libraries that it is tested with here.
func TestGoModHasForgesVersions(t *testing.T) {
	forge := parseGoMod(t, "../go.mod", readFile(t, "../go.mod"))
	versions := make(map[string]string)
	for _, req := range forge.Require {
		versions[req.Mod.Path] = req.Mod.Version
	}
	for _, service := range serviceGoMods(t) {
		if service.Go.Version != forge.Go.Version {
			t.Errorf("go.mod.tmpl has go %s, forge has go %s", service.Go.Version, forge.Go.Version)
		}
		if len(service.Require) == 0 {
			t.Error("go.mod.tmpl requires nothing")
		}
		for _, req := range service.Require {
			if v := versions[req.Mod.Path]; v != req.Mod.Version {
				t.Errorf("go.mod.tmpl has %s, forge has %q", req.Mod, v)
			}
		}
	}
}

// serviceGoMods are the go.mod of services of each source with every extra.
func serviceGoMods(t *testing.T) (all []*modfile.File) {
	t.Helper()
	for _, source := range answers.Sources() {
		dir := write(t, tidyService(source, libraryExtras...))
		all = append(all, parseGoMod(t, "go.mod", readFile(t, filepath.Join(dir, "go.mod"))))
	}
	return all
}

func parseGoMod(t *testing.T, name string, text []byte) *modfile.File {
	t.Helper()
	f, err := modfile.Parse(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// write renders and writes a project and returns its directory.
func write(t *testing.T, a answers.Answers) string {
	t.Helper()
	tree, err := render.Render(template.FS, a, "v0.0.0-test")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), a.Name)
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// goCommand returns a go command that runs in dir, outside of any workspace.
func goCommand(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+strings.ReplaceAll(os.Getenv("GOFLAGS"), "-mod=vendor", ""))
	return cmd
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
