// Package generated lets tests have the services that the built forge writes.
package generated

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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
	defer stopRabbitMQ()
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

	// Known says that its Go code is that of other sets, where it is linted and raced.
	Known bool
	// Raced are its packages that are the same where they are raced as a whole: in another set
	// or, of Kafka's source, in the template itself.
	Raced []string
}

// Group is ThreeTopics' consumer group. It has every character that some file of the project would take for
// something else.
const Group = `a "b" #c $d '`

// ThreeTopics has topics whose names are hard to make Go names of.
var ThreeTopics = AnswerSet{Name: "three-topics", Args: []string{
	"--topics", "type,1st.topic_X-y,orders-retries", "--group", Group, "--brokers", "one:9092,two:9093",
}}

// Sets are the answers that are tested. The module is the same in all, so that the second of them finds built and
// tested what it has in common with the first.
var Sets = []AnswerSet{
	{Name: "default"},
	{Name: ThreeTopics.Name, Args: ThreeTopics.Args, Known: true},
	{Name: "no-extras", Args: []string{"--topics", "payments", "--without", "docker,github"}},
	{Name: "docker-only", Args: []string{"--without", "github"}, Known: true},
	{Name: "github-only", Args: []string{"--without", "docker"}, Known: true},
	{Name: "avro", Args: []string{"--with", "avro"}},
	{Name: "http", Args: []string{"--with", "http", "--without", "docker,github"}},
	{Name: "batch", Args: []string{"--with", "batch", "--without", "docker,github"}, Known: true},
	{Name: "fast", Args: []string{"--with", "fast,http,batch,tests", "--without", "docker,github"}, Raced: []string{"internal/engine", "internal/kafka", "internal/conformance"}},
	{Name: "tests", Args: []string{"--with", "tests", "--without", "docker,github"}, Known: true},
	{Name: "avro-http-three-topics", Args: append([]string{"--with", "avro,http"}, ThreeTopics.Args...)},
	{Name: "schemas", Args: append([]string{"--without", "docker,github"}, schemas...), Known: true},
	{Name: "schemas-avro", Args: append([]string{"--with", "avro", "--without", "github"}, avroSchemas...)},
	{Name: "schemas-http", Args: append([]string{"--with", "http"}, schemas...)},
	{Name: "known-avro", Args: append([]string{"--with", "avro,http", "--without", "docker,github"}, KnownAvro...)},
	{Name: "schemas-known", Args: append([]string{"--with", "http", "--without", "docker,github"}, knownSchemas...)},
	{Name: "kafka-share", Args: []string{"--source", "kafka-share"}},
	{Name: "kafka-share-avro", Args: []string{"--source", "kafka-share", "--with", "avro", "--without", "docker,github"}},
	{Name: "kafka-share-http", Args: []string{"--source", "kafka-share", "--with", "http,dlq", "--without", "docker,github"}},
	{Name: "jetstream", Args: []string{"--source", "jetstream"}},
	{Name: "jetstream-avro", Args: []string{"--source", "jetstream", "--with", "avro", "--without", "docker,github"}},
	{Name: "jetstream-http", Args: []string{"--source", "jetstream", "--with", "http", "--without", "docker,github"}},
	{Name: "jetstream-everything", Args: []string{"--source", "jetstream", "--with", "avro,http,batch,dlq,otel,monitoring,tests"}, Raced: []string{"internal/engine"}},
	{Name: "rabbitmq", Args: []string{"--source", "rabbitmq"}},
	{Name: "rabbitmq-avro", Args: []string{"--source", "rabbitmq", "--with", "avro,otel,monitoring", "--without", "docker,github"}},
	{Name: "rabbitmq-dlq", Args: []string{"--source", "rabbitmq", "--with", "dlq,monitoring,tests", "--without", "docker,github"}, Raced: []string{"internal/engine"}},
	{Name: "rabbitmq-http", Args: []string{"--source", "rabbitmq", "--with", "http,batch", "--without", "docker,github"}},
	{Name: "everything", Args: append([]string{"--with", "avro,http,batch,dlq,k8s,otel,monitoring,tests"}, avroSchemas...), Raced: []string{"internal/engine", "internal/kafka", "internal/conformance"}},
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

// RabbitMQ leads services to a broker: that of RABBITMQ_URL, or one that the script of
// e2e/rabbitmq starts, and that ends with the tests.
func RabbitMQ(t *testing.T) {
	t.Helper()
	if os.Getenv("RABBITMQ_URL") != "" {
		return
	}
	url, err := rabbitMQ()
	if err != nil {
		Missing(t, "no RabbitMQ: RABBITMQ_URL has no URL of one, and none can be started: %v", err)
	}
	t.Setenv("RABBITMQ_URL", url)
}

var rabbitMQ = sync.OnceValues(func() (string, error) {
	url, err := rabbitScript("start", strconv.Itoa(27_000+3*(os.Getpid()%500)))
	return strings.TrimSpace(url), err
})

func stopRabbitMQ() {
	if _, err := os.Stat(filepath.Join(work, "rabbitmq")); err == nil { // it was started
		_, _ = rabbitScript("stop")
	}
}

// rabbitScript runs the script for the broker of the tests.
func rabbitScript(verb string, more ...string) (string, error) {
	broker := filepath.Join(work, "rabbitmq")
	root, err := command(".", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	script := filepath.Join(strings.TrimSpace(root), "e2e", "rabbitmq", "rabbitmq.sh")
	return command(root[:len(root)-1], script, append([]string{verb, broker}, more...)...)
}

// Project returns the directory of the service that forge writes for a set of
// answers. It lives until the test's end, and has the same name every time: that
// lets the build cache know again what the services have in common.
func Project(t *testing.T, set AnswerSet) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: builds whole services")
	}
	if slices.Contains(set.Args, "rabbitmq") {
		RabbitMQ(t)
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
