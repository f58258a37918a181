// Package interop has the service tried on programs that are not ours: its schemas on
// Python's serializers and a real Schema Registry, its share groups on a real Kafka.
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
	try(t, "TestPythonAndThisReadEachOther", schemas, "PYTHON="+python)
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
	try(t, "TestARealRegistry", schemas, "SCHEMA_REGISTRY_TEST_URL="+url)
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

// schemas is the package of the template that has the tests with schemas.
const schemas = "./template/service/internal/schema"

// try runs tests of a package of the template with a setting, and fails unless one that was
// meant ran and none was skipped.
func try(t *testing.T, tests, of, setting string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", tests, of)
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

// A real Kafka keeps the promises of share groups that the embedded one keeps.
// KAFKA_SHARE_TEST_BROKER names one of 4.2 or later; KAFKA_SHARE_SCRIPT a script, such as
// e2e/kafka/kafka.sh, that starts one and prints its address, and stops it.
func TestRealShareGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a real Kafka takes its time")
	}
	broker := os.Getenv("KAFKA_SHARE_TEST_BROKER")
	if script := os.Getenv("KAFKA_SHARE_SCRIPT"); broker == "" && script != "" {
		t.Setenv("KAFKA_VERSION", "4.2.0")
		t.Setenv("KAFKA_RUN_DIR", filepath.Join(t.TempDir(), "kafka"))
		t.Setenv("KAFKA_BASE_PORT", "26090")
		t.Setenv("KAFKA_EXTRA_PROPERTIES", strings.Join([]string{
			"group.share.min.record.lock.duration.ms=1000", "group.share.record.lock.duration.ms=5000",
			"share.coordinator.state.topic.replication.factor=1", "share.coordinator.state.topic.min.isr=1",
		}, "\n"))
		broker = start(t, script)
	}
	if broker == "" {
		t.Skip("NOT TESTED on a real Kafka with share groups: neither KAFKA_SHARE_TEST_BROKER nor KAFKA_SHARE_SCRIPT (e2e/kafka/kafka.sh) is set")
	}
	try(t, "TestARealShareGroup", "./template/service/internal/kafka", "KAFKA_SHARE_TEST_BROKER="+broker)
}
