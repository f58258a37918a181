package shop

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// service is the built service as a process.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	ops  string // http://host:port
	log  string // name of the file
	done chan struct{}
}

// startService runs bin/shop in dir, with the settings of its .env.
func startService(t *testing.T, dir string) *service {
	t.Helper()
	port := freePort(t)
	s := &service{t: t, ops: "http://127.0.0.1:" + port, log: filepath.Join(dir, "log-"+port), done: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(filepath.Join(dir, "bin", "shop"))
	s.cmd.Dir, s.cmd.Stderr = dir, log
	s.cmd.Env = append(os.Environ(), "OPS_ADDR=127.0.0.1:"+port, "KAFKA_SESSION_TIMEOUT=6s", "JETSTREAM_ACK_WAIT=6s")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // the state says how it ended
		_ = log.Close()
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
		if t.Failed() {
			text := read(t, s.log)
			t.Logf("%s:\n%s", s.log, text[max(0, len(text)-8000):])
		}
	})
	return s
}

// stop sends a signal and waits for the end.
func (s *service) stop(signal syscall.Signal) *os.ProcessState {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("it does not end after %v", signal)
	}
	return s.cmd.ProcessState
}

// awaitReady waits until /readyz answers with the status and a body with part.
func (s *service) awaitReady(status int, part string) {
	s.t.Helper()
	await(s.t, func() (bool, string) {
		select {
		case <-s.done:
			s.t.Fatal("the service has ended by itself; its log says why")
		default:
		}
		code, body := s.get("/readyz")
		return code == status && strings.Contains(body, part), "/readyz says " + body
	})
}

func (s *service) get(path string) (int, string) {
	response, err := http.Get(s.ops + path)
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

// await returns once ok does, which otherwise says what is there in its place.
func await(t *testing.T, ok func() (bool, string)) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	late := time.After(40 * time.Second)
	for {
		done, instead := ok()
		if done {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal("waited too long: " + instead)
		}
	}
}
