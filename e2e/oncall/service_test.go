package oncall

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/generated"
	"github.com/ouroboros-forge/forge/e2e/outside"
)

// newNight builds the service, and runs it with all that it needs.
func newNight(t *testing.T) *night {
	t.Helper()
	needsPrometheus(t)
	n := &night{T: t, kafka: newBroker(t), ledger: newLedger(t)}
	var err error
	if n.client, err = outside.Dial(n.kafka.address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.client.Close)
	if err := n.client.CreateTopics(t.Context(), 3, "orders"); err != nil {
		t.Fatal(err)
	}
	n.service = newService(t, n.kafka, n.ledger)
	n.prometheus = newPrometheus(t, filepath.Join(n.dir, "deploy", "monitoring"), n.ops)
	n.awaitReady()
	return n
}

// service is the built service as a process.
type service struct {
	t           *testing.T
	binary, dir string // of its project
	ops         string // host:port
	env         []string
	logFile     string
	cmd         *exec.Cmd
}

func newService(t *testing.T, kafka *broker, l *ledger) *service {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	generated.Do(t, ".", generated.Forge(t), "new", dir, "--module", "example.com/shop", "--topics", "orders", "--with", "monitoring,dlq", "--without", "github", "--no-input")
	if err := os.RemoveAll(filepath.Join(dir, "handlers")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"app/app.go", "handlers/handlers.go", "handlers/orders.go"} {
		to := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(read(t, "testdata", file)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &service{t: t, dir: dir, ops: freeAddress(t), logFile: filepath.Join(t.TempDir(), "log")}
	s.binary = filepath.Join(kafka.tools, "shop") // all that the runbook calls is in one place
	generated.Do(t, dir, "go", "build", "-o", s.binary, ".")
	s.env = append(os.Environ(), "PATH="+kafka.tools+":"+os.Getenv("PATH"), "KAFKA_BOOTSTRAP_SERVERS="+kafka.address, "KAFKA_GROUP_ID=shop",
		"RETRY_MAX_DELAY=1s", "LOG_FORMAT=json", "LEDGER_URL=http://"+l.address)
	s.start()
	return s
}

// command returns the service's binary with arguments, in its settings.
func (s *service) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.binary, args...)
	cmd.Dir, cmd.Env = s.dir, append(slices.Clone(s.env), "OPS_ADDR="+s.ops)
	return cmd
}

func (s *service) start() {
	s.t.Helper()
	s.cmd = s.command()
	run(s.t, s.cmd, s.logFile)
}

// stop ends it as an orchestrator does.
func (s *service) stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // how it ended, Wait says
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("the service ended with %v", err)
	}
}

func (s *service) log() string { return read(s.t, s.logFile) }

func (s *service) get(path string) (int, string) {
	response, err := http.Get("http://" + s.ops + path)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func (s *service) awaitReady() {
	s.t.Helper()
	await(s.t, "the service to be ready", func() (bool, string) {
		code, body := s.get("/readyz")
		return code == http.StatusOK, body
	})
}

// ledger is what the service's handler needs. It can be stopped, and started again.
type ledger struct {
	t       *testing.T
	address string
	server  *http.Server

	mu       sync.Mutex
	ids      map[string]bool // of what is booked
	refusing string          // why nothing is booked, "" when it is
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{t: t, address: freeAddress(t), ids: make(map[string]bool)}
	l.start()
	t.Cleanup(l.stop)
	return l
}

func (l *ledger) start() {
	l.t.Helper()
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.server = &http.Server{Handler: http.HandlerFunc(l.book)}
	go func() { _ = l.server.Serve(listener) }()
}

func (l *ledger) stop() { _ = l.server.Close() }

func (l *ledger) book(w http.ResponseWriter, r *http.Request) {
	id, err := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil || r.Method == http.MethodGet: // who only asks whether it is there
	case l.refusing != "":
		http.Error(w, l.refusing, http.StatusUnprocessableEntity)
	default:
		l.ids[string(id)] = true
	}
}

// refuse has it book nothing for a reason, or all again for none.
func (l *ledger) refuse(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusing = reason
}

func (l *ledger) booked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ids)
}

// broker is a real Kafka.
type broker struct {
	t              *testing.T
	address, tools string // the directory of its tools
}

// newBroker runs one of this test's own, which e2e/kafka/kafka.sh downloads.
func newBroker(t *testing.T) *broker {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			generated.Missing(t, "no %s, by which a Kafka is run", program)
		}
	}
	dir := filepath.Join(t.TempDir(), "kafka")
	t.Setenv("KAFKA_RUN_DIR", dir)
	t.Setenv("KAFKA_BASE_PORT", "29290")
	t.Setenv("KAFKA_HEAP", "400m")
	script := func(verb string) string {
		return strings.TrimSpace(generated.Do(t, "..", "bash", "kafka/kafka.sh", verb))
	}
	b := &broker{t: t, address: script("start")}
	t.Cleanup(func() { script("stop") })
	b.writeTools(script("fetch"))
	return b
}

// run runs a program until the test ends. Its output is shown if the test fails.
func run(t *testing.T, cmd *exec.Cmd, log string) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = out.Close()
		if t.Failed() {
			text := read(t, log)
			t.Logf("%s:\n%s", cmd.Path, text[max(0, len(text)-2000):])
		}
	})
}

// await returns once ok does, which otherwise says what is there instead.
func await(t *testing.T, what string, ok func() (bool, string)) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(45 * time.Second)
	for {
		done, instead := ok()
		if done {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("waited too long for %s: %s", what, instead)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
