package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// service is a running process of the service's binary.
type service struct {
	cmd  *exec.Cmd
	ops  string // http://host:port
	done chan error
	log  strings.Builder
}

// build compiles the service and returns the binary's path. Looking through the
// directories tells the go command what this test depends on: a result from
// before a change is not taken from its cache.
func build(t *testing.T) string {
	t.Helper()
	if err := filepath.WalkDir("..", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "service")
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the service: %v\n%s", err, out)
	}
	return binary
}

// start runs the binary with the settings and waits until it is ready. It sees
// neither the project's .env nor settings of the environment.
func start(ctx context.Context, t *testing.T, binary string, settings ...string) *service {
	t.Helper()
	listen := freeAddress(t)
	s := &service{ops: "http://" + listen, done: make(chan error, 1)}
	s.cmd = exec.Command(binary)
	s.cmd.Dir = t.TempDir()
	settings = append([]string{"HTTP_ADDR=127.0.0.1:0"}, settings...) //forge:if http
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "OPS_ADDR=" + listen}, settings...)
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		s.done <- s.cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("the service's log:\n%s", s.log.String())
		}
	})
	s.awaitReady(ctx, t)
	return s
}

// awaitReady returns once /readyz says so.
func (s *service) awaitReady(ctx context.Context, t *testing.T) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if response, err := http.Get(s.ops + "/readyz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-again.C:
		case err := <-s.done:
			t.Fatalf("the service ended before it was ready: %v", err)
		case <-ctx.Done():
			t.Fatal("the service did not become ready")
		}
	}
}

// events returns how often /metrics says that an event happened.
func (s *service) events(t *testing.T, event string) int {
	t.Helper()
	response, err := http.Get(s.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	prefix := fmt.Sprintf("consumer_events_total{event=%q} ", event)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			count, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			return count
		}
	}
	return 0
}

// terminate sends SIGTERM and returns the exit code.
func (s *service) terminate(t *testing.T) int {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	case <-time.After(20 * time.Second):
		t.Fatal("the service did not end within 20 s of SIGTERM")
		return -1
	}
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
