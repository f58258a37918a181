package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// Ours are the variants of the generated service; every other name is a
// contender's.
const (
	oursTags   = "forge"               // bodies checked by validate tags
	oursMethod = "forge-Validate"      // bodies checked by the model's own method
	fastTags   = "forge-fast"          // the same with the extra fast
	fastMethod = "forge-fast-Validate" //
)

// job is one process that consumes a topic from its start.
type job struct {
	name     string // of a contender, or ours
	topic    string
	messages int // the process ends after so many; 0 is when it is stopped
	env      []string
	binary   string        // that it runs; empty is what its name says
	limit    time.Duration // how long it may take; 0 is the usual
	group    string        // that it consumes in; empty is one of its own
}

// process is a job that runs.
type process struct {
	cmd     *exec.Cmd
	group   string
	cancel  context.CancelFunc
	first   chan struct{} // closed at the first message, when latency is measured
	figures chan meter.Figures
	stderr  strings.Builder
}

const usualLimit = 3 * time.Minute

// run runs a job to its end.
func (b *bench) run(ctx context.Context, j job) (figures, error) {
	p, err := b.start(ctx, j)
	if err != nil {
		return figures{}, err
	}
	measured, err := p.wait()
	if err == nil && measured.Messages < int64(j.messages) {
		err = fmt.Errorf("only %d of %d messages were handled", measured.Messages, j.messages)
	}
	if err == nil && measured.Twice > 0 { // and so others not at all, or it was told of more than there are
		err = fmt.Errorf("%d messages were handled twice", measured.Twice)
	}
	if err != nil {
		return figures{}, fmt.Errorf("%s on %s: %w", j.name, j.topic, err)
	}
	f := newFigures(measured)
	b.logf("  %-24s %9.0f/s %6.2f us %5.1f allocs %4.0f MiB", j.name, f.rate, f.cpu, f.allocs, f.mib)
	return f, nil
}

// start starts a job in a group of its own.
func (b *bench) start(ctx context.Context, j job) (*process, error) {
	limit := j.limit
	if limit == 0 {
		limit = usualLimit
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	path, args := b.self, []string{"run", j.name}
	switch j.name {
	default:
		if j.binary != "" {
			path, args = j.binary, nil
		}
	case oursTags, oursMethod:
		path, args = b.service, nil
	case fastTags, fastMethod:
		path, args = b.fast, nil
	case oursPublish, oursPublishMade:
		path, args = b.sender, nil
	}
	//nolint:gosec // the benchmark's own programs
	p := &process{cmd: exec.CommandContext(ctx, path, args...), group: cmp.Or(j.group, b.newName(j.name)), cancel: cancel,
		first: make(chan struct{}), figures: make(chan meter.Figures, 1)}
	p.cmd.Env = append(os.Environ(),
		"KAFKA_BOOTSTRAP_SERVERS="+strings.Join(b.brokers, ","),
		"KAFKA_GROUP_ID="+p.group,
		"JETSTREAM_GROUP="+p.group,
		"OPS_ADDR=127.0.0.1:0",
		"GOGC=200", // as the service's Dockerfile has it; the others get it too
		"BENCH_TOPIC="+j.topic,
		"BENCH_MESSAGES="+strconv.Itoa(j.messages),
	)
	if j.name == oursMethod || j.name == fastMethod {
		p.cmd.Env = append(p.cmd.Env, "BENCH_VALIDATE=method")
	}
	p.cmd.Env = append(p.cmd.Env, j.env...)
	p.cmd.Dir = b.dir // where there is no .env
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	go p.read(out)
	return p, nil
}

// read takes what the process prints.
func (p *process) read(out io.Reader) {
	defer close(p.figures)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var f meter.Figures
		switch text := lines.Text(); {
		case text == meter.First:
			close(p.first)
		case json.Unmarshal([]byte(text), &f) == nil:
			p.figures <- f
		}
	}
}

// stop asks the process to end, as an orchestrator would, and waits for it.
func (p *process) stop() (meter.Figures, error) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

func (p *process) wait() (meter.Figures, error) {
	defer p.cancel()
	f, ok := <-p.figures
	err := p.cmd.Wait()
	if err == nil && !ok {
		err = errors.New("no figures")
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, p.stderr.String())
	}
	return f, err
}

// newName makes a name that nothing had before.
func (b *bench) newName(prefix string) string {
	b.names++
	return fmt.Sprintf("%s-%d-%d", prefix, b.began.UnixNano(), b.names)
}
