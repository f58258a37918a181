package template_test

import (
	"bytes"
	"cmp"
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

// group is what a source has that is no share group.
const group = "group"

// libraryExtras are the extras that may want libraries of their own, and the source that
// has others than the last.
var libraryExtras = []string{group, answers.Docker, answers.Avro, answers.HTTP, answers.OTel, answers.Tests}

// combinations are the sets of extras that may want different libraries.
func combinations() [][]string {
	var sets [][]string
	for n := range 1 << len(libraryExtras) {
		var set []string
		for i, extra := range libraryExtras {
			if n>>(len(libraryExtras)-1-i)&1 == 1 { // the first extra decides between the halves
				set = append(set, extra)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// TestGoModIsTidy asks go mod tidy whether go.mod and go.sum of a project that
// was just rendered are what it would write, for every set of extras. With
// -update it stores what tidy chooses; the versions come from forge's go.mod.
//
// For one set alone: go test ./template -run 'TestGoModIsTidy/^avro,tests$'.
func TestGoModIsTidy(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the go command")
	}
	if *update {
		updateGoMod(t)
		return
	}
	for _, with := range append(combinations(), []string{group, answers.Docker, answers.GitHub}) {
		t.Run(cmp.Or(strings.Join(with, ","), "none"), func(t *testing.T) {
			dir := write(t, tidyService(with))
			cmd := goCommand(t, dir, "mod", "tidy", "-diff")
			if out, err := cmd.CombinedOutput(); err != nil { // what is downloaded is output too, and no error
				t.Errorf("go mod tidy -diff: %v\n%s\nrun: go test ./template -run TestGoModIsTidy -update", err, out)
			}
		})
	}
}

func tidyService(with []string) answers.Answers {
	a := answers.Defaults("tidy-service")
	a.Topics = append(a.Topics, "payments")
	a.Source = answers.KafkaShare
	if slices.Contains(with, group) {
		a.Source = answers.Kafka
	}
	a.With = slices.DeleteFunc(slices.Clone(with), func(extra string) bool { return extra == group })
	return a
}

// updateGoMod lets go mod tidy choose, from forge's own requirements, what the
// project needs with each set of extras, and stores the templates that say it.
func updateGoMod(t *testing.T) {
	t.Helper()
	_, requirements, _ := bytes.Cut(readFile(t, "../go.mod"), []byte("\n"))
	var mods []*modfile.File
	var sums []string
	for _, with := range combinations() {
		a := tidyService(with)
		dir := write(t, a)
		before := readFile(t, filepath.Join(dir, "go.mod"))
		writeFile(t, filepath.Join(dir, "go.mod"), append([]byte("module "+a.Module+"\n"), requirementsOf(with, requirements, before)...))
		writeFile(t, filepath.Join(dir, "go.sum"), readFile(t, "../go.sum"))
		if out, err := goCommand(t, dir, "mod", "tidy").CombinedOutput(); err != nil {
			t.Fatalf("with %v: go mod tidy: %v\n%s", with, err, out)
		}
		mods = append(mods, parseGoMod(t, "go.mod", readFile(t, filepath.Join(dir, "go.mod"))))
		sums = append(sums, string(readFile(t, filepath.Join(dir, "go.sum"))))
	}
	writeFile(t, "service/go.mod.tmpl", []byte(goModTemplate(libraryExtras, mods)))
	writeFile(t, "service/go.sum.tmpl", []byte(goSumTemplate(libraryExtras, sums)))
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
	service := serviceGoMod(t)
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

// serviceGoMod is the go.mod of a service with every extra.
func serviceGoMod(t *testing.T) *modfile.File {
	t.Helper()
	dir := write(t, tidyService(combinations()[1<<len(libraryExtras)-1]))
	return parseGoMod(t, "go.mod", readFile(t, filepath.Join(dir, "go.mod")))
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
