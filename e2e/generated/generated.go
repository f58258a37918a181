// Package generated lets tests have the services that the built forge writes.
package generated

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// work is a directory that lives as long as the tests.
var work string

// Main runs a package's tests, for its TestMain, and returns the exit code.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "forge-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	work = dir
	return m.Run()
}

// forge builds forge once and returns its path.
var forge = sync.OnceValues(func() (string, error) {
	root, err := command(".", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	root = strings.TrimSpace(root)
	if err := look(root); err != nil {
		return "", err
	}
	path := filepath.Join(work, "forge")
	_, err = command(root, "go", "build", "-o", path, "./cmd/forge")
	return path, err
})

// look opens the directories that forge is built from. The go command takes a
// note of that: when something changes there, what it remembers of a test's
// result does not hold any more.
func look(root string) error {
	for _, dir := range []string{"cmd", "internal", "template"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// AnswerSet is a way to call forge new.
type AnswerSet struct {
	Name string
	Args []string
}

// Group is ThreeTopics' consumer group. It has every character that some file of the project would take for
// something else.
const Group = `a "b" #c $d '`

// ThreeTopics has topics whose names are hard to make Go names of.
var ThreeTopics = AnswerSet{"three-topics", []string{
	"--topics", "type,1st.topic_X-y,orders-retries", "--group", Group, "--brokers", "one:9092,two:9093",
}}

// Sets are the answers that are tested. The module is the same in all, so that the second of them finds built and
// tested what it has in common with the first.
var Sets = []AnswerSet{
	{"default", nil},
	ThreeTopics,
	{"no-extras", []string{"--topics", "payments", "--without", "docker,github"}},
	{"docker-only", []string{"--without", "github"}},
	{"github-only", []string{"--without", "docker"}},
	{"avro", []string{"--with", "avro"}},
	{"http", []string{"--with", "http", "--without", "docker,github"}},
	{"batch", []string{"--with", "batch", "--without", "docker,github"}},
	{"fast", []string{"--with", "fast,http,batch,tests", "--without", "docker,github"}},
	{"tests", []string{"--with", "tests", "--without", "docker,github"}},
	{"avro-http-three-topics", append([]string{"--with", "avro,http"}, ThreeTopics.Args...)},
	{"schemas", append([]string{"--without", "docker,github"}, schemas...)},
	{"schemas-avro", append([]string{"--with", "avro", "--without", "github"}, avroSchemas...)},
	{"schemas-http", append([]string{"--with", "http"}, schemas...)},
	{"known-avro", append([]string{"--with", "avro,http", "--without", "docker,github"}, KnownAvro...)},
	{"schemas-known", append([]string{"--with", "http", "--without", "docker,github"}, knownSchemas...)},
	{"kafka-share", []string{"--source", "kafka-share"}},
	{"kafka-share-avro", []string{"--source", "kafka-share", "--with", "avro", "--without", "docker,github"}},
	{"kafka-share-http", []string{"--source", "kafka-share", "--with", "http,dlq", "--without", "docker,github"}},
	{"jetstream", []string{"--source", "jetstream"}},
	{"jetstream-avro", []string{"--source", "jetstream", "--with", "avro", "--without", "docker,github"}},
	{"jetstream-http", []string{"--source", "jetstream", "--with", "http", "--without", "docker,github"}},
	{"jetstream-everything", []string{"--source", "jetstream", "--with", "avro,http,batch,otel,monitoring,tests"}},
	{"everything", append([]string{"--with", "avro,http,batch,dlq,k8s,otel,monitoring,tests"}, avroSchemas...)},
}

// schemas are topics whose models are made from a schema of each kind, beside
// one that has none.
var schemas = []string{
	"--topics", "orders,payments,refunds,plain",
	"--schema", "orders=SCHEMAS/order.avsc", "--schema", "payments=SCHEMAS/order.json", "--schema", "refunds=SCHEMAS/message.json",
}

// avroSchemas are those of them that Avro has types for.
var avroSchemas = []string{
	"--topics", "orders,payments,plain", "--schema", "orders=SCHEMAS/order.avsc", "--schema", "payments=SCHEMAS/plain.json",
}

// KnownAvro are topics with schemas that the field knows, and that say what hardly any other does.
var KnownAvro = []string{
	"--schema", "cloudevents=SCHEMAS/known/cloudevents.avsc", "--schema", "customers=SCHEMAS/known/debezium.avsc", "--schema", "payments=SCHEMAS/known/payment.avsc",
	"--schema", "logical=SCHEMAS/known/logical.avsc", "--schema", "values=SCHEMAS/known/json_value.avsc", "--schema", "interop=SCHEMAS/known/interop.avsc",
}

// knownSchemas are written after well-known ones: what is in them, others send.
var knownSchemas = []string{
	"--topics", "events,pushes,clicks,features",
	"--schema", "events=SCHEMAS/known/cloudevents.json", "--schema", "pushes=SCHEMAS/known/push/event.schema.json",
	"--schema", "clicks=SCHEMAS/known/self_describing.json", "--schema", "features=SCHEMAS/known/geojson.json",
}

// Project returns the directory of the service that forge writes for a set of
// answers. It lives until the test's end, and has the same name every time: that
// lets the build cache know again what the services have in common.
func Project(t *testing.T, set AnswerSet) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds whole services")
	}
	dir := filepath.Join(work, "my-service")
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	args := []string{"new", "my-service"}
	for _, arg := range set.Args {
		args = append(args, strings.Replace(arg, "SCHEMAS", schemaDir(t), 1))
	}
	Do(t, work, Forge(t), args...)
	return dir
}

// schemaDir is where forge's own tests have schemas.
func schemaDir(t *testing.T) string {
	t.Helper()
	root := strings.TrimSpace(Do(t, ".", "go", "list", "-m", "-f", "{{.Dir}}"))
	return filepath.Join(root, "internal", "model", "testdata")
}

// Forge returns the path of the built forge.
func Forge(t *testing.T) string {
	t.Helper()
	path, err := forge()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Do runs a command in dir, fails if it fails, and returns what it printed to
// stdout.
func Do(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := command(dir, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Leaves runs a command of forge that leaves something to the user, which is exit code
// 3, and returns what it printed to stdout.
func Leaves(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	const exitLeft = 3
	out, err := command(dir, name, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitLeft {
		t.Fatalf("%s %s: exit code %d is expected: %v", name, strings.Join(args, " "), exitLeft, err)
	}
	return out
}

// command runs a command in dir, outside of any workspace, and returns what it
// printed to stdout. The error has all that it printed. That these tests are
// required does not hold for the tests of a project.
func command(dir, name string, args ...string) (stdout string, err error) {
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // the tests say what is run, and go test how long
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "E2E=")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

// Missing ends a test that needs something that is not here: it is skipped, and
// where somebody asked for it with E2E=require, failed.
func Missing(t *testing.T, format string, args ...any) {
	t.Helper()
	what := fmt.Sprintf(format, args...)
	if os.Getenv("E2E") == "require" {
		t.Fatal(what)
	}
	t.Skipf("NOT TESTED: %s (E2E=require makes this a failure)", what)
}
