// Package interop has the service's schemas tried on programs that are not ours:
// Python's serializers, and a real Schema Registry.
package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/e2e/generated"
)

// serializers are the versions that the recorded bytes were made with.
const serializers = "confluent-kafka[avro,json]==2.16.0"

// What Python's AvroSerializer and JSONSerializer write is read here, and the
// other way round. PYTHON may name a Python that has them; otherwise they are
// installed into a directory of the test's.
func TestPython(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: installs a Python library")
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		python = install(t)
	}
	try(t, "TestPythonAndThisReadEachOther", "PYTHON="+python)
}

// install returns a Python with the serializers.
func install(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	python := filepath.Join(dir, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", serializers},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			generated.Missing(t, "%s cannot be installed: %s: %v\n%s", serializers, strings.Join(args[:3], " "), err, last(out))
		}
	}
	return python
}

// A real registry refuses what the service refuses and takes what it allows.
// SCHEMA_REGISTRY_TEST_URL names one; SCHEMA_REGISTRY_SCRIPT a script, such as
// e2e/kafka/registry.sh, that starts one and prints its URL, and stops it.
func TestRealRegistry(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a real registry takes its time")
	}
	url := os.Getenv("SCHEMA_REGISTRY_TEST_URL")
	if script := os.Getenv("SCHEMA_REGISTRY_SCRIPT"); url == "" && script != "" {
		url = start(t, script)
	}
	if url == "" {
		t.Skip("NOT TESTED on a real Schema Registry: neither SCHEMA_REGISTRY_TEST_URL nor SCHEMA_REGISTRY_SCRIPT (e2e/kafka/registry.sh) is set")
	}
	try(t, "TestARealRegistry", "SCHEMA_REGISTRY_TEST_URL="+url)
}

func start(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", script, "start").Output()
	if err != nil {
		t.Fatalf("%s start: %v", script, err)
	}
	t.Cleanup(func() { _ = exec.Command("bash", script, "stop").Run() }) // the test's context has ended
	lines := strings.Fields(string(out))
	return lines[len(lines)-1]
}

// try runs tests of the template with a setting, and fails unless one that was
// meant ran and none was skipped.
func try(t *testing.T, tests, setting string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", tests, "./template/service/internal/schema")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), setting)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+tests) || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v\n%s", err, out)
	}
}

func last(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
