// Package e2e tests forge from outside, as its user meets it: the built forge
// writes services, and these are built, vetted, linted, tested and run. In
// thousand they work, on an embedded broker and on a real Kafka.
package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/internal/answers"
)

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

// Whatever the answers: the service builds, go vet and golangci-lint find
// nothing, its go.mod is what go mod tidy would write, and its own tests pass
// under the race detector.
func TestProjectsAreInOrder(t *testing.T) {
	var longest time.Duration
	for _, set := range generated.Sets {
		t.Run(set.Name, func(t *testing.T) {
			if end, ok := t.Deadline(); ok && time.Until(end) < 2*longest {
				generated.Missing(t, "another service takes up to %v, and go test ends before: give it -timeout 30m", longest.Round(time.Second))
			}
			began := time.Now()
			defer func() { longest = max(longest, time.Since(began)) }()
			dir := generated.Project(t, set)
			t.Run("gofmt", func(t *testing.T) {
				if files := generated.Do(t, dir, "gofmt", "-l", "."); files != "" {
					t.Errorf("not formatted:\n%s", files)
				}
			})
			t.Run("build", func(t *testing.T) { generated.Do(t, dir, "go", "build", "-o", "bin/service", ".") })
			t.Run("settings", func(t *testing.T) { generated.Do(t, dir, filepath.Join(dir, "bin", "service"), "config") }) // those of .env are accepted
			t.Run("vet", func(t *testing.T) { generated.Do(t, dir, "go", "vet", "./...") })
			t.Run("tidy", func(t *testing.T) { generated.Do(t, dir, "go", "mod", "tidy", "-diff") })
			if set.Known {
				return
			}
			t.Run("lint", func(t *testing.T) { lint(t, dir) })
			t.Run("race", func(t *testing.T) { race(t, dir, set.Raced) })
		})
	}
}

// The tests of a source's package compile also where it is the only extra: what another brings,
// they must not use. Of Kafka the set "tests" shows it.
func TestTheTestsOfEachSourceVet(t *testing.T) {
	for _, source := range answers.Sources()[1:] {
		t.Run(source, func(t *testing.T) {
			dir := generated.Project(t, generated.AnswerSet{Name: source + "-tests", Args: []string{"--source", source, "--with", "tests", "--without", "docker,github"}})
			generated.Do(t, dir, "go", "vet", "./...")
		})
	}
}

func lint(t *testing.T, dir string) {
	t.Helper()
	linter, err := exec.LookPath("golangci-lint")
	if err != nil {
		linter = filepath.Join(strings.TrimSpace(generated.Do(t, dir, "go", "env", "GOPATH")), "bin", "golangci-lint")
		if _, err := os.Stat(linter); err != nil {
			generated.Missing(t, "golangci-lint is not installed")
		}
	}
	generated.Do(t, dir, linter, "run", "--allow-parallel-runners")
}

// race runs the project's own tests, but for those of some packages. They need no Docker.
func race(t *testing.T, dir string, but []string) {
	t.Helper()
	packages := slices.DeleteFunc(strings.Fields(generated.Do(t, dir, "go", "list", "./...")), func(name string) bool {
		return slices.ContainsFunc(but, func(suffix string) bool { return strings.HasSuffix(name, "/"+suffix) })
	})
	if strings.TrimSpace(generated.Do(t, dir, "go", "env", "CGO_ENABLED")) != "1" {
		t.Log("no C compiler: without the race detector")
		generated.Do(t, dir, "go", append([]string{"test", "-short"}, packages...)...)
		return
	}
	generated.Do(t, dir, "go", append([]string{"test", "-short", "-race"}, packages...)...)
}

// TestKnownAvroRuns proves that services with the field's own schemas write and read
// their messages, each type of Avro among them.
func TestKnownAvroRuns(t *testing.T) {
	dir := generated.Project(t, generated.AnswerSet{Name: "known-avro", Args: append([]string{"--with", "avro,http"}, generated.KnownAvro...)})
	if out := generated.Do(t, dir, "go", "run", "./dev", "-once"); !strings.Contains(out, "12 samples met what they expect") {
		t.Errorf("not all samples met their fate:\n%s", out)
	}
}

// TestRun proves the first minute with each source: the service is written, started on
// the embedded broker, and each sample message is seen to meet its fate.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds a whole service")
	}
	for _, source := range answers.Sources() {
		t.Run(source, func(t *testing.T) { run(t, source) })
	}
}

func run(t *testing.T, source string) {
	t.Helper()
	if source == answers.RabbitMQ {
		generated.RabbitMQ(t)
	}
	out := generated.Do(t, t.TempDir(), generated.Forge(t), "new", "shop", "--module", "github.com/somebody/shop", "--topics", "orders,payments", "--source", source, "--run")
	for _, want := range []string{
		"handled      OrderCreated ", "handled      PaymentCreated ",
		"body.amount: must be greater than 0 → orders.dlq", "body.amount: must be greater than 0 → payments.dlq",
		"amount is over the limit → orders.dlq", "amount is over the limit → payments.dlq",
		"10 samples met what they expect",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
}
