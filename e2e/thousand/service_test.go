package thousand

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// drainTime is what a service has for its end, and patience what anything else
// may take.
const (
	drainTime = 5 * time.Second
	patience  = time.Minute
)

// service is a running process of a service.
type service struct {
	t     *testing.T
	cmd   *exec.Cmd
	ops   string // http://host:port
	ended chan struct{}

	mu      sync.Mutex
	log     []byte
	handled map[string]int // how often the handler said that it handled a body with this id
	more    chan struct{}  // closed at the next one
}

// start runs a service in its project's directory, so that it reads its own
// .env under the settings, and returns when it is ready.
func start(t *testing.T, project, binary, broker string, settings ...string) *service {
	t.Helper()
	listen := "127.0.0.1:" + freePort(t)
	s := &service{t: t, ops: "http://" + listen, ended: make(chan struct{}), handled: map[string]int{}, more: make(chan struct{})}
	s.cmd = exec.Command(binary)
	s.cmd.Dir = project
	s.cmd.Env = append(os.Environ(), "KAFKA_BOOTSTRAP_SERVERS="+broker, "OPS_ADDR="+listen, "LOG_FORMAT=json",
		"DRAIN_TIMEOUT="+drainTime.String(), "KAFKA_SESSION_TIMEOUT=6s", "KAFKA_HEARTBEAT_INTERVAL=1s")
	s.cmd.Env = append(s.cmd.Env, settings...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.read(stderr)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			t.Logf("the end of a service's log:\n%s", s.log[max(0, len(s.log)-4000):])
		}
	})
	s.await("readiness", func() bool { return s.get("/readyz") == http.StatusOK })
	return s
}

// read takes the log to its end, and then the process's exit code.
func (s *service) read(stderr io.Reader) {
	defer close(s.ended)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct{ Msg, ID string }
		_ = json.Unmarshal(lines.Bytes(), &line) // what is no JSON stands in the log
		s.mu.Lock()
		s.log = append(append(s.log, lines.Bytes()...), '\n')
		if line.Msg == "handled" {
			s.handled[line.ID]++
			close(s.more)
			s.more = make(chan struct{})
		}
		s.mu.Unlock()
	}
	_ = s.cmd.Wait()
}

// await returns when the condition holds, which it asks again and again.
func (s *service) await(what string, condition func() bool) {
	s.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for !condition() {
		select {
		case <-again.C:
		case <-s.ended:
			s.t.Fatalf("the service ended, waiting for its %s", what)
		case <-late:
			s.t.Fatalf("no %s within %v", what, patience)
		}
	}
}

// awaitHandled returns when the service has handled n bodies.
func (s *service) awaitHandled(n int) {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		got, more := len(s.handled), s.more
		s.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-more:
		case <-s.ended:
			s.t.Fatal("the service ended while it should have worked")
		case <-late:
			s.t.Fatalf("%d handled within %v, want %d", got, patience, n)
		}
	}
}

// get returns the status code of a path, 0 if nobody answers.
func (s *service) get(path string) int {
	response, err := http.Get(s.ops + path)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// events returns how many messages /metrics says met the fate.
func (s *service) events(fate string) int {
	s.t.Helper()
	response, err := http.Get(s.ops + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	n := 0
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		var one int
		name, value, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "consumer_events_total{") && strings.Contains(name, fmt.Sprintf("event=%q", fate)) {
			if _, err := fmt.Sscan(value, &one); err != nil {
				s.t.Fatalf("%s: %v", lines.Text(), err)
			}
			n += one
		}
	}
	return n
}

// terminate sends SIGTERM; the service must end in time, with exit code 0.
func (s *service) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(drainTime + 2*time.Second):
		s.t.Fatalf("the service did not end within its drain time of %v", drainTime)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Fatalf("exit code %d after SIGTERM", code)
	}
}

// kill ends the service as a crash does.
func (s *service) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	<-s.ended
}
