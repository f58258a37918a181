package conformance_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/embedded"
	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/service"
)

// logFile names, to the process that is the subject, the file in which it notes what is
// handled.
const logFile = "CONFORMANCE_LOG"

// suffix ends, in that process, the names of topics.
var suffix = os.Getenv("CONFORMANCE_SUFFIX")

// TestMain is the subject when the tests start it as one: a process can be killed.
func TestMain(m *testing.M) {
	name := os.Getenv(logFile)
	if name == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := serve(ctx, name)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// item says what its handler does.
type item struct {
	Key string `json:"key" validate:"required"`
	N   int    `json:"n"`
	Do  string `json:"do"`
}

func (item) MessageType() string { return "Item" }

// made is published.
type made struct{ item }

func (made) Topic() string       { return "made" + suffix }
func (m made) Key() string       { return m.item.Key }
func (made) MessageType() string { return "Made" }

type none struct{}

// serve runs the service until ctx ends.
func serve(ctx context.Context, log string) error {
	file, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	build := func(_ context.Context, _ none, b *service.Builder) error {
		b.Registry.SetCodec(envelope.JSON{})
		b.Publishes(made{})
		message.Register(b.Registry, "items"+suffix, message.TypedHandlerFunc[item](func(ctx context.Context, m message.Of[item]) error {
			if err := do(ctx, b.Publisher, m); err != nil {
				return err
			}
			_, err := fmt.Fprintf(file, "%s %d %d\n", m.Body.Key, m.Body.N, m.Attempt) // one write is one line, whoever else writes
			return err
		}))
		return nil
	}
	s, err := service.New(ctx, "subject", build, service.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// do does what the message says.
func do(ctx context.Context, p message.Publisher, m message.Of[item]) error {
	switch m.Body.Do {
	case "retry":
		if m.Attempt < 3 {
			return message.RetryAfter(200*time.Millisecond, errors.New("try again"))
		}
	case "never":
		return message.Permanent(errors.New("never"))
	case "slow":
		time.Sleep(200 * time.Millisecond) // what the others must not wait for
	case "publish":
		return p.Publish(ctx, made{m.Body})
	default:
		time.Sleep(rand.N(2 * time.Millisecond))
	}
	return nil
}

// subject is a service in a process of its own.
type subject struct {
	t    *testing.T
	cmd  *exec.Cmd
	ops  string
	done chan error
}

// start starts the service on the broker.
func (w *world) start(settings ...string) *subject {
	w.t.Helper()
	s := &subject{t: w.t, ops: freeAddress(w.t), done: make(chan error, 1)}
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	s.cmd = exec.Command(self, "-test.run=^$")
	s.cmd.Dir, s.cmd.Stderr = w.t.TempDir(), w.t.Output()
	s.cmd.Env = append(os.Environ(), append(missedSoon, logFile+"="+w.log, "CONFORMANCE_SUFFIX="+w.suffix)...)
	over := embedded.Settings(w.address, "conformance"+w.suffix)
	over["OPS_ADDR"], over["DRAIN_TIMEOUT"], over["LOG_LEVEL"] = s.ops, "5s", "error"
	over["HTTP_ADDR"] = "127.0.0.1:0" //forge:if http
	for i := 0; i < len(settings); i += 2 {
		over[settings[i]] = settings[i+1]
	}
	for name, value := range over {
		s.cmd.Env = append(s.cmd.Env, name+"="+value)
	}
	if err := s.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	w.t.Cleanup(s.kill)
	return s
}

// kill ends the service as a loss of power would.
func (s *subject) kill() {
	_ = s.cmd.Process.Kill()
	select {
	case err := <-s.done:
		s.done <- err
	case <-time.After(patience):
		s.t.Error("the killed service is still there")
	}
}

// stop ends the service in order, and returns how long that took.
func (s *subject) stop() time.Duration {
	s.t.Helper()
	began := time.Now()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil {
			s.t.Errorf("the service ended with %v", err)
		}
	case <-time.After(patience):
		s.t.Error("the service does not end")
	}
	return time.Since(began)
}

// awaitReady waits until /readyz has the status.
func (s *subject) awaitReady(status int) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("/readyz has the status %d", status), func() bool {
		response, err := http.Get("http://" + s.ops + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == status
	})
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

// handled returns what the subject noted, in order.
func (w *world) handled() (all []line) {
	file, err := os.Open(filepath.Clean(w.log))
	if err != nil {
		return nil // nothing yet
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var l line
		if _, err := fmt.Sscan(lines.Text(), &l.key, &l.n, &l.attempt); err == nil {
			all = append(all, l)
		}
	}
	return all
}

type line struct {
	key        string
	n, attempt int
}
