package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/internal/answers"
	"github.com/ouroboros-forge/forge/internal/release"
	"github.com/ouroboros-forge/forge/internal/render"
	"github.com/ouroboros-forge/forge/template"
)

// TestEveryReleaseCanBeUpdated proves that a service of each release, with edits
// of its user's, is brought up to the template as it is now: what comes of it is
// built, vetted and tested, and the edits are there.
func TestEveryReleaseCanBeUpdated(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds whole services")
	}
	archive, err := release.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	everything := answers.Defaults("shop")
	for _, extra := range answers.Extras() {
		if extra.Name != answers.Tests && !everything.Has(extra.Name) { // the tests of internal/ are tested elsewhere, and take long
			everything.With = append(everything.With, extra.Name)
		}
	}
	for _, version := range archive.Versions() {
		for name, a := range map[string]answers.Answers{"default": answers.Defaults("shop"), "everything": everything} {
			t.Run(version+" "+name, func(t *testing.T) { canBeUpdated(t, archive, version, a) })
		}
	}
}

// needsYou is the exit code of an update that names what is to be done by hand.
const needsYou = 3

func canBeUpdated(t *testing.T, archive *release.Archive, version string, a answers.Answers) {
	t.Helper()
	tmpl, _, err := archive.Open(version)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := render.Render(tmpl, a, version)
	if err != nil {
		t.Fatal(err)
	}
	now, err := render.Render(template.FS, a, version)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(tree.Files, now.Files) {
		return // it is the template as it is now: there is nothing to update
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if err := render.Write(t.Context(), tree, dir); err != nil {
		t.Fatal(err)
	}
	edited := []string{"main.go", "go.mod", "internal/message/message.go"}
	for _, file := range edited {
		change(t, filepath.Join(dir, file))
	}
	takeMessages(t, filepath.Join(dir, "app", "app_test.go"))
	forge := generated.Forge(t)
	t.Setenv("GOPROXY", "off") // what the service needs is there, and nothing else is asked for
	update := exec.CommandContext(t.Context(), forge, "update")
	update.Dir = dir
	update.Env = append(os.Environ(), "GOWORK=off", "E2E=") // that these tests are required does not hold for those of a project
	out, err := update.CombinedOutput()
	t.Logf("%s", out)
	if err != nil && update.ProcessState.ExitCode() != needsYou {
		t.Fatalf("update: %v", err)
	}
	generated.Do(t, dir, "go", "vet", "./...")            // what update tests by itself where nothing is left to do
	generated.Do(t, dir, "go", "test", "-short", "./...") // on a real Kafka others test it
	for _, file := range edited {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(text), "// mine\n") {
			t.Errorf("%s: %v, and the edit is gone", file, err)
		}
	}
	if out := generated.Do(t, dir, forge, "update"); !strings.HasPrefix(out, "in step") {
		t.Error(out)
	}
}

// takeMessages does by hand what v0.5.0 asks of users: servicetest no longer gives tests
// the records of a client, but messages.
func takeMessages(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("[]*kgo.Record", "[]*message.Message", `"github.com/twmb/franz-go/pkg/kgo"`, `"example.com/shop/internal/message"`).Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

// change adds a line at a file's end.
func change(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "\n// mine\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
}
