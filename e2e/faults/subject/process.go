package subject

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// Process is a running service.
type Process struct {
	Life  string // its name in what its handlers write
	Calls string // the file they write to
	Log   string // the file of its log

	cmd  *exec.Cmd
	ops  string
	done chan struct{} // closed when it has ended
	err  error         // how
}

// The service's settings in experiments: those of production, with shorter
// times so that what takes minutes there takes seconds.
const (
	CommitInterval = 500 * time.Millisecond
	DrainTimeout   = 3 * time.Second
	MaxPoll        = 200
)

// Settings returns them; further ones win.
func Settings(brokers []string, group string, topics []string, further ...string) []string {
	return append([]string{
		"FAULTS_TOPICS=" + strings.Join(topics, ","), "KAFKA_GROUP_ID=" + group, "KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(brokers, ","),
		"SERVICE_NAME=subject", "LOG_LEVEL=info",
		fmt.Sprintf("COMMIT_INTERVAL=%v", CommitInterval), fmt.Sprintf("DRAIN_TIMEOUT=%v", DrainTimeout),
		"KAFKA_READ_TIMEOUT=5s", "KAFKA_REBALANCE_TIMEOUT=15s", "KAFKA_SESSION_TIMEOUT=6s", "KAFKA_HEARTBEAT_INTERVAL=1s",
		fmt.Sprintf("MAX_POLL_RECORDS=%d", MaxPoll), "RETRY_DELAY=50ms", "RETRY_MAX_DELAY=1s",
	}, further...)
}

// Start runs the binary as a life of its own, with nothing in its environment
// but the settings. Its files go to dir.
func Start(binary, dir, life string, settings ...string) (*Process, error) {
	ops, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &Process{
		Life: life, Calls: filepath.Join(dir, life+".calls"), Log: filepath.Join(dir, life+".log"),
		ops: ops, done: make(chan struct{}),
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(binary) //nolint:noctx // ended by Kill, which says how it went
	p.cmd.Dir = dir
	p.cmd.Env = append([]string{"OPS_ADDR=" + ops, "FAULTS_LIFE=" + life, "FAULTS_CALLS=" + p.Calls}, settings...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func freeAddress() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the service as a power failure would, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	<-p.done
}

// Ended reports whether the service has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait returns the service's exit code once it has ended, -1 after a signal.
func (p *Process) Wait(within time.Duration) (int, error) {
	select {
	case <-p.done:
	case <-time.After(within):
		return 0, fmt.Errorf("life %s still runs after %v", p.Life, within)
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode(), nil
	}
	return 0, p.err
}

// get returns the answer of one of the service's pages.
func (p *Process) get(path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ops+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(body)), err
}

// Ready returns why the service says that it is not ready, or does not answer.
func (p *Process) Ready() error { return p.probe("/readyz") }

// Live returns why the service says that only a restart helps.
func (p *Process) Live() error { return p.probe("/livez") }

func (p *Process) probe(path string) error {
	code, text, err := p.get(path)
	if err == nil && code != http.StatusOK {
		err = errors.New(text)
	}
	return err
}

// pages are all that the service tells over HTTP. One that this service does not have
// tells nothing.
var pages = []string{"/livez", "/readyz", "/metrics", "/status", "/debug/pprof/cmdline"}

// Pages returns what is on all of them, empty when the service does not answer.
func (p *Process) Pages() string {
	var all strings.Builder
	for _, path := range pages {
		_, text, _ := p.get(path)
		all.WriteString(text + "\n")
	}
	return all.String()
}

// Command runs one of the service's commands in dir, and returns all that it printed.
func Command(ctx context.Context, binary, dir string, settings []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, binary, args...) // #nosec G204 -- the service
	cmd.Dir = dir
	cmd.Env = append([]string{"FAULTS_CALLS=" + os.DevNull}, settings...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Metric returns a metric's value, 0 when there is none of that name and
// labels.
func (p *Process) Metric(name string) (float64, error) {
	_, text, err := p.get("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, nil
}

// AwaitReady waits until the service is ready, or has ended.
func (p *Process) AwaitReady(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.Ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("life %s ended before it was ready: %w", p.Life, p.err)
		case <-ctx.Done():
			return fmt.Errorf("life %s is not ready: %w", p.Life, err)
		}
	}
}

// Logged returns the lines of the service's log that have all the words.
func (p *Process) Logged(words ...string) ([]string, error) {
	f, err := os.Open(p.Log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var found []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if hasAll(lines.Text(), words) {
			found = append(found, lines.Text())
		}
	}
	return found, lines.Err()
}

func hasAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// ReadCalls returns what the service's handlers wrote down.
func (p *Process) ReadCalls() ([]oracle.Call, error) {
	f, err := os.Open(p.Calls)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return oracle.ReadCalls(f)
}

// Ends reads from the service's log when its sessions ended.
func (p *Process) Ends() ([]oracle.End, error) {
	lines, err := p.Logged(`msg="session ended"`)
	if err != nil {
		return nil, err
	}
	var ends []oracle.End
	for _, line := range lines {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		at, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			return nil, err
		}
		ends = append(ends, oracle.End{Life: p.Life, At: at.UnixNano()})
	}
	return ends, nil
}
