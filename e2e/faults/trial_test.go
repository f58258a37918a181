package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

const (
	// span is four times what the service holds of a partition, its bound, and
	// what sarama may have fetched when it was paused: its channel, and a fetch
	// of small messages.
	span = 4*subject.MaxPoll + 256 + 4096
	// slack is how long a commit may take, unless the machine is so busy that
	// the watch's own take longer.
	slack = time.Second
)

// trial is an experiment while it runs.
type trial struct {
	*testing.T
	*bench
	ctx    context.Context
	dir    string
	topic  string
	group  string
	topics []string // that were created
	rules  oracle.Rules

	producer  *load.Producer
	watch     *load.Watch
	stopWatch context.CancelFunc
	processes []*subject.Process
	down      []int // brokers that were killed
	total     oracle.Report
	gone      func(oracle.Sent) bool // what the cluster lost, nil for nothing
	since     time.Time              // what was handled and committed before does not count
	words     []string               // why it failed
	began     time.Time
}

// Error, Errorf, Fatal and Fatalf are those of testing.T, and keep their words
// for the table: its reader may have nothing else.
func (tr *trial) Error(args ...any) {
	tr.Helper()
	tr.T.Error(tr.keep(fmt.Sprint(args...)))
}

func (tr *trial) Errorf(format string, args ...any) {
	tr.Helper()
	tr.Error(fmt.Sprintf(format, args...))
}

func (tr *trial) Fatal(args ...any) {
	tr.Helper()
	tr.T.Fatal(tr.keep(fmt.Sprint(args...)))
}

func (tr *trial) Fatalf(format string, args ...any) {
	tr.Helper()
	tr.Fatal(fmt.Sprintf(format, args...))
}

func (tr *trial) keep(words string) string {
	tr.words = append(tr.words, words)
	return words
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func newTrial(ctx context.Context, t *testing.T, b *bench, e experiment) *trial {
	t.Helper()
	name := "f" + e.number + "-" + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(e.name), "-"), "-")
	tr := &trial{T: t, bench: b, ctx: ctx, began: time.Now(), dir: filepath.Join(b.dir, name)}
	tr.topic = fmt.Sprintf("%s-%d", name, time.Now().UnixMilli()) // brokers may be those of an earlier run
	tr.group = tr.topic
	tr.rules = oracle.Rules{Commit: subject.CommitInterval + slack, Span: span}
	if err := os.MkdirAll(tr.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return tr
}

// release ends what the trial has running.
func (tr *trial) release() {
	for _, p := range tr.processes {
		p.Kill()
	}
	if tr.stopWatch != nil {
		tr.stopWatch()
	}
	for _, id := range tr.down {
		if err := tr.cluster.Restart(context.WithoutCancel(tr.ctx), id); err != nil {
			tr.Error(err)
		}
	}
	if tr.producer != nil {
		tr.producer.Close()
	}
	if !tr.Failed() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tr.ctx), 10*time.Second)
		defer cancel()
		_, _ = tr.observer.Admin.DeleteTopics(ctx, tr.topics...) // they would only slow the brokers down
	}
}

// must ends the trial on an error.
func (tr *trial) must(err error) {
	tr.Helper()
	if err != nil {
		tr.Fatal(err)
	}
}

// wait lets time pass while the load goes on: the experiments are about how
// long things last.
func (tr *trial) wait(d time.Duration) {
	tr.Helper()
	select {
	case <-time.After(d):
	case <-tr.ctx.Done():
		tr.Fatal(tr.ctx.Err())
	}
}

// eventually waits until ok returns nothing.
func (tr *trial) eventually(within time.Duration, ok func() error) {
	tr.Helper()
	deadline := time.Now().Add(within)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tr.Fatalf("not within %v: %v", within, err)
		}
		tr.wait(100 * time.Millisecond)
	}
}

// create makes a topic.
func (tr *trial) create(topic string, partitions int32, config ...string) {
	tr.Helper()
	values := map[string]*string{}
	for i := 0; i < len(config); i += 2 {
		values[config[i]] = &config[i+1]
	}
	short, cancel := context.WithTimeout(tr.ctx, 30*time.Second)
	defer cancel()
	tr.topics = append(tr.topics, topic)
	_, err := tr.observer.Admin.CreateTopic(short, partitions, 3, values, topic)
	tr.must(err)
}

// begin makes the trial's topic and opens a producer to it.
func (tr *trial) begin(partitions int32, rate int, adjust ...func(*load.Producer)) *load.Producer {
	tr.Helper()
	tr.create(tr.topic, partitions)
	return tr.open(rate, adjust...)
}

// open opens a producer, after adjusting it, and begins to watch.
func (tr *trial) open(rate int, adjust ...func(*load.Producer)) *load.Producer {
	tr.Helper()
	tr.producer = &load.Producer{Topic: tr.topic, Rate: rate, Keys: 50, Ask: load.Mixed}
	for _, f := range adjust {
		f(tr.producer)
	}
	tr.must(tr.producer.Open(tr.cluster.Direct(), filepath.Join(tr.dir, "acknowledged")))
	var watching context.Context
	watching, tr.stopWatch = context.WithCancel(tr.ctx)
	tr.watch = tr.observer.Watch(watching, tr.group, tr.topic)
	return tr.producer
}

// produce begins to produce.
func (tr *trial) produce() { tr.producer.Run(rand.Uint64()) }

// start runs a life of the service; further settings win over those of all
// experiments.
func (tr *trial) start(further ...string) *subject.Process {
	tr.Helper()
	life := fmt.Sprintf("life%d", len(tr.processes)+1)
	p, err := subject.Start(tr.binary, tr.dir, life, subject.Settings(tr.cluster.Direct(), tr.group, []string{tr.topic}, further...)...)
	tr.must(err)
	tr.processes = append(tr.processes, p)
	return p
}

// startReady runs a life of the service and waits until it consumes.
func (tr *trial) startReady(further ...string) *subject.Process {
	tr.Helper()
	p := tr.start(further...)
	tr.ready(p, 30*time.Second)
	return p
}

func (tr *trial) ready(p *subject.Process, within time.Duration) {
	tr.Helper()
	ctx, cancel := context.WithTimeout(tr.ctx, within)
	defer cancel()
	tr.must(p.AwaitReady(ctx))
}

// terminate ends a life in good order.
func (tr *trial) terminate(p *subject.Process) {
	tr.Helper()
	tr.must(p.Signal(syscall.SIGTERM))
	tr.exits(p, 0, subject.DrainTimeout+5*time.Second)
}

func (tr *trial) exits(p *subject.Process, want int, within time.Duration) {
	tr.Helper()
	code, err := p.Wait(within)
	if err != nil || code != want {
		tr.Errorf("%s ended with %d, %v; want %d\n%s", p.Life, code, err, want, tr.complaint(p))
	}
}

// complaint returns what a life printed that was no line of its log: why it
// ended, or the beginning of a panic.
func (tr *trial) complaint(p *subject.Process) string {
	tr.Helper()
	const most = 10
	lines := slices.DeleteFunc(tr.logged(p, ""), func(line string) bool { return strings.HasPrefix(line, "time=") })
	return strings.Join(lines[:min(most, len(lines))], "\n")
}

// awaitCommitted stops the producer and waits until everything is committed.
func (tr *trial) awaitCommitted(within time.Duration) {
	tr.Helper()
	ctx, cancel := context.WithTimeout(tr.ctx, within)
	defer cancel()
	if err := tr.producer.Stop(ctx); err != nil {
		tr.Errorf("not all was acknowledged: %v", err)
	}
	if err := tr.observer.AwaitLag(ctx, tr.group, tr.topic); err != nil {
		tr.Error(err)
	}
}

// finish waits until everything is committed, ends all lives in good order and asks the oracle.
func (tr *trial) finish(within time.Duration) {
	tr.Helper()
	tr.awaitCommitted(within)
	for _, p := range tr.processes {
		if !p.Ended() {
			tr.terminate(p)
		}
	}
	tr.judge()
}

// judge asks the oracle about everything so far.
func (tr *trial) judge() {
	tr.Helper()
	tr.wait(300 * time.Millisecond) // for a last look at what is committed
	tr.stopWatch()
	tr.rules.Commit += max(0, tr.watch.Slowest()-slack)
	run := oracle.Run{Sent: tr.producer.Sent(), Samples: tr.watch.Samples(), Rules: tr.rules}
	for i := range run.Sent {
		run.Sent[i].Gone = tr.gone != nil && tr.gone(run.Sent[i])
	}
	run.Calls = tr.calls()
	for _, p := range tr.processes {
		ends, err := p.Ends()
		tr.must(err)
		run.Ends = append(run.Ends, ends...)
	}
	if !tr.since.IsZero() {
		run.Calls = slices.DeleteFunc(run.Calls, func(c oracle.Call) bool { return c.Start < tr.since.UnixNano() })
		// A commit of before may have been seen after.
		run.Samples = slices.DeleteFunc(run.Samples, func(s oracle.Sample) bool { return s.At < tr.since.Add(time.Second).UnixNano() })
	}
	var err error
	run.Dead, err = tr.observer.Dead(tr.ctx, tr.topic)
	tr.must(err)
	tr.total = oracle.Check(run)
	if !tr.total.OK() {
		// All but what a handler writes down is by the clock on the wall.
		now := time.Now()
		if step := now.Round(0).Sub(tr.began.Round(0)) - now.Sub(tr.began); step.Abs() > 10*time.Millisecond {
			tr.Errorf("the machine's clock was set by %v meanwhile, so do not trust what follows", step)
		}
		tr.Errorf("%d lost, %d out of order, %d beyond the window, %d passed by commits, %d misled:\n%s", tr.total.Lost, tr.total.Disorder,
			tr.total.Excess, tr.total.Passed, tr.total.Misled, strings.Join(tr.total.Problems, "\n"))
	}
}

// calls returns what the handlers of all lives wrote down.
func (tr *trial) calls() []oracle.Call {
	tr.Helper()
	var all []oracle.Call
	for _, p := range tr.processes {
		calls, err := p.ReadCalls()
		tr.must(err)
		all = append(all, calls...)
	}
	return all
}

// leader returns the broker that leads the first partition of a topic.
func (tr *trial) leader(topic string) int {
	tr.Helper()
	var id int
	tr.eventually(30*time.Second, func() error {
		ctx, cancel := context.WithTimeout(tr.ctx, 5*time.Second)
		defer cancel()
		all, err := tr.observer.Admin.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		p, ok := all[topic].Partitions[0]
		if !ok || p.Leader < 1 {
			return errors.New("no leader")
		}
		id = int(p.Leader)
		return nil
	})
	return id
}

// coordinator returns the broker that coordinates the trial's group.
func (tr *trial) coordinator() int {
	tr.Helper()
	request := kmsg.NewPtrFindCoordinatorRequest()
	request.CoordinatorKeys = []string{tr.group}
	var id int
	tr.eventually(30*time.Second, func() error {
		ctx, cancel := context.WithTimeout(tr.ctx, 5*time.Second)
		defer cancel()
		r, err := request.RequestWith(ctx, tr.observer.Client)
		if err != nil {
			return err
		}
		if len(r.Coordinators) == 0 || r.Coordinators[0].NodeID < 1 {
			return fmt.Errorf("no coordinator: %+v", r)
		}
		id = int(r.Coordinators[0].NodeID)
		return nil
	})
	return id
}
