// Package openapi has a running service of --with http held against its openapi.yaml
// by schemathesis, which sends what that allows and what it forbids.
package openapi

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

func TestMain(m *testing.M) { os.Exit(generated.Main(m)) }

// What is installed, with what makes its examples: others may find something else.
var tools = []string{"schemathesis==4.32.5", "hypothesis==6.170.17"}

// seed has each run send the same.
const seed = "14"

func TestServiceDoesWhatItsOpenAPISays(t *testing.T) {
	dir := generated.Project(t, generated.AnswerSet{Name: "http", Args: []string{
		"--with", "http", "--without", "docker,github", "--topics", "orders,payments", "--schema", "payments=" + absolute(t, "testdata/payment.json"),
	}})
	schemathesis := install(t)
	url := serve(t, dir)
	document := filepath.Join(dir, "openapi.yaml")
	if out, err := schemathesis(t, "run", document, "--url", url, "--max-examples", "60"); err != nil {
		t.Errorf("schemathesis: %v\n%s", err, out)
	}
	// It would say so.
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	lie := strings.Replace(string(text), "exclusiveMinimum: 0", "minimum: 0", 1)
	if err := os.WriteFile(document, []byte(lie), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := schemathesis(t, "run", document, "--url", url, "--max-examples", "10", "--include-path", "/orders")
	if err == nil || !strings.Contains(out, "body.amount: must be greater than 0") {
		t.Errorf("what openapi.yaml says wrongly is not found: %v\n%s", err, out)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// install installs schemathesis, and returns what runs it.
func install(t *testing.T) func(t *testing.T, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		append([]string{filepath.Join(bin, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, tools...),
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil { // #nosec G204 -- Python
			generated.Missing(t, "schemathesis cannot be installed: %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	hooks := absolute(t, "testdata")
	return func(t *testing.T, args ...string) (string, error) {
		t.Helper()
		args = append(args, "--phases", "examples,coverage,fuzzing", "--seed", seed, "--continue-on-failure", "--no-color")
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "schemathesis"), args...) // #nosec G204 -- as installed
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+hooks, "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// serve runs the service on its embedded broker until the test ends, and returns its
// URL once its samples are done.
func serve(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "dev")
	generated.Do(t, dir, "go", "build", "-o", binary, "./dev")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, binary) // #nosec G204 -- as built
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	printed, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was interrupted
	})
	url := ""
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "web "); ok {
			url = strings.Fields(rest)[0]
		}
		if strings.HasPrefix(lines.Text(), "post a message") {
			go func() { _, _ = io.Copy(io.Discard, printed) }()
			return url
		}
	}
	t.Fatal("the service ended before its samples were done")
	return ""
}
