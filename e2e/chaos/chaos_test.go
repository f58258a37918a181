// Package chaos has several members of one group killed, ended, frozen and broken in
// turn, and their brokers with them, while messages of every fate keep coming. In the
// end nothing is lost, nothing is out of order, and all is committed.
//
//	CHAOS=3 go test ./e2e/chaos -v     so many rounds, each of up to 25 seconds
//
// FAULTS_KAFKA_SH names the script that runs brokers, as in e2e/faults; CHAOS_SEED
// has the same rounds again, as far as a machine repeats itself.
package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

const (
	members    = 3
	partitions = 6
	rate       = 150 // messages a second
	keys       = 80
	// patience is how long a member may take to end: its drain, and commits that wait
	// for a broker.
	patience = subject.DrainTimeout + 25*time.Second
)

// chaos is a run.
type chaos struct {
	*testing.T
	ctx      context.Context // ends in time to end the brokers
	random   *rand.Rand
	cluster  *brokers.Cluster
	observer *load.Observer
	producer *load.Producer
	binary   string
	dir      string
	topic    string

	members [members]*subject.Process // those that are to run
	lives   []*subject.Process        // all that there were
}

func TestChaos(t *testing.T) {
	if os.Getenv("CHAOS") == "" {
		t.Skip("CHAOS is not set: it is the number of rounds")
	}
	rounds, err := strconv.Atoi(os.Getenv("CHAOS"))
	if err != nil {
		t.Fatal("CHAOS: ", err)
	}
	c := prepare(t)
	watching, stop := context.WithCancel(c.ctx)
	defer stop()
	watch := c.observer.Watch(watching, c.topic, c.topic)
	for n := range c.members {
		c.start(n)
	}
	c.producer.Run(c.random.Uint64())
	for n := range rounds {
		c.wait(1500, 6000)
		c.round(n)
	}
	c.wait(1500, 3000)
	c.settle()
	c.wait(300, 301) // for a last look at what is committed
	stop()
	c.judge(watch)
}

// prepare starts brokers and builds the service.
func prepare(t *testing.T) *chaos {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CHAOS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal("CHAOS_SEED: ", err)
		}
	}
	c := &chaos{T: t, random: rand.New(rand.NewPCG(seed, seed)), dir: t.TempDir()} // #nosec G404 -- the same seed, the same rounds
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if deadline, ok := t.Deadline(); ok {
		ctx, stop = context.WithDeadline(ctx, deadline.Add(-time.Minute))
		t.Cleanup(stop)
	}
	c.ctx = ctx
	c.topic = fmt.Sprintf("chaos-%d", time.Now().UnixMilli())
	root, err := filepath.Abs("../..")
	c.must(err)
	c.cluster, err = brokers.Start(c.ctx)
	c.must(err)
	t.Cleanup(func() {
		if err := c.cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	c.binary, err = subject.Build(c.ctx, root, c.dir)
	c.must(err)
	c.observer, err = load.NewObserver(c.cluster.Direct())
	c.must(err)
	t.Cleanup(c.observer.Client.Close)
	for _, topic := range []string{c.topic, c.answers()} {
		_, err = c.observer.Admin.CreateTopic(c.ctx, partitions, brokers.Count, nil, topic)
		c.must(err)
	}
	c.producer = &load.Producer{Topic: c.topic, Rate: rate, Keys: keys, Ask: fate}
	c.must(c.producer.Open(c.cluster.Direct(), filepath.Join(c.dir, "acknowledged")))
	t.Cleanup(c.producer.Close)
	t.Cleanup(func() {
		for _, p := range c.lives {
			p.Kill()
		}
	})
	t.Logf("CHAOS_SEED=%d, files in %s", seed, c.dir)
	return c
}

// answers is the topic of what handlers publish.
func (c *chaos) answers() string { return c.topic + "-answers" }

func (c *chaos) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// wait lets a time pass between the bounds, in milliseconds: how long a fault lasts is
// what the rounds are about.
func (c *chaos) wait(least, most int) {
	select {
	case <-time.After(time.Duration(least+c.random.IntN(most-least)) * time.Millisecond):
	case <-c.ctx.Done():
		c.Fatal(c.ctx.Err())
	}
}

// start begins a member's next life.
func (c *chaos) start(n int) {
	c.Helper()
	settings := subject.Settings(c.cluster.Direct(), c.topic, []string{c.topic}, "FAULTS_OUT="+c.answers())
	p, err := subject.Start(c.binary, c.dir, fmt.Sprintf("member%d.%d", n, len(c.lives)), settings...)
	c.must(err)
	c.members[n], c.lives = p, append(c.lives, p)
}

// round does one thing to one member or two, in every other round while something is
// done to a broker.
func (c *chaos) round(n int) {
	c.Helper()
	for m, p := range c.members {
		if p.Ended() {
			c.Errorf("%s ended by itself: see %s", p.Life, c.keep(p))
			c.start(m)
		}
	}
	var broken sync.WaitGroup
	defer broken.Wait()
	away := c.random.IntN(2) == 0
	if away {
		c.breakBroker(n, &broken)
		c.wait(0, 3000)
	}
	one, other := c.random.IntN(members), c.random.IntN(members)
	switch what := c.random.IntN(5); what {
	case 0:
		c.Logf("round %d: kill %d", n, one)
		c.members[one].Kill()
		c.wait(0, 2000)
		c.start(one)
	case 1:
		c.Logf("round %d: kill %d and %d", n, one, other)
		_ = c.members[one].Signal(syscall.SIGKILL) // both at once
		c.members[other].Kill()
		c.members[one].Kill()
		c.start(one)
		if other != one {
			c.wait(0, 1000)
			c.start(other)
		}
	case 2:
		c.Logf("round %d: terminate %d", n, one)
		c.terminate(c.members[one], away)
		c.start(one)
	case 3:
		c.Logf("round %d: freeze %d", n, one)
		c.must(c.members[one].Signal(syscall.SIGSTOP))
		c.wait(1000, 14_000) // the session timeout is 6 s
		c.must(c.members[one].Signal(syscall.SIGCONT))
	default:
		c.Logf("round %d: nothing", n)
	}
}

// breakBroker kills or freezes a broker, and has it back after a while.
func (c *chaos) breakBroker(n int, broken *sync.WaitGroup) {
	c.Helper()
	id, length := 1+c.random.IntN(brokers.Count), time.Duration(2+c.random.IntN(10))*time.Second
	do, undo, word := c.cluster.Pause, c.cluster.Resume, "freeze"
	if c.random.IntN(2) == 0 {
		do, undo, word = c.cluster.Kill, c.cluster.Restart, "kill"
	}
	c.Logf("round %d: %s broker %d for %v", n, word, id, length)
	c.must(do(c.ctx, id))
	broken.Go(func() {
		time.Sleep(length)
		if err := undo(context.WithoutCancel(c.ctx), id); err != nil {
			c.Error(err)
		}
	})
}

// terminate ends a member in good order. While a broker is away a commit may stay
// unconfirmed and a dead letter unwritten, which is said, and is no good order.
func (c *chaos) terminate(p *subject.Process, away bool) {
	c.Helper()
	c.must(p.Signal(syscall.SIGTERM))
	code, err := p.Wait(patience)
	if err != nil || code < 0 || code > 1 || code == 1 && !away {
		c.Errorf("%s ended with %d, %v, want 0: see %s", p.Life, code, err, c.keep(p))
		p.Kill()
	}
}

// keep copies a life's log to where it outlives the test, and returns its name.
func (c *chaos) keep(p *subject.Process) string {
	c.Helper()
	log, err := os.ReadFile(p.Log)
	c.must(err)
	f, err := os.CreateTemp("", "forge-chaos-*-"+p.Life+".log")
	c.must(err)
	_, err = f.Write(log)
	c.must(err)
	c.must(f.Close())
	return f.Name()
}

// settle waits until all is committed, and ends all members.
func (c *chaos) settle() {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 3*time.Minute)
	defer cancel()
	if err := c.producer.Stop(ctx); err != nil {
		c.Errorf("not all was acknowledged: %v", err)
	}
	if err := c.observer.AwaitLag(ctx, c.topic, c.topic); err != nil {
		c.Error(err)
	}
	for _, p := range c.members {
		if p.Ended() {
			c.Errorf("%s ended by itself: see %s", p.Life, c.keep(p))
			continue
		}
		c.terminate(p, false)
	}
}

// judge asks the oracle. How much may come again is the business of e2e/faults, where
// one thing is broken at a time.
func (c *chaos) judge(watch *load.Watch) {
	c.Helper()
	run := oracle.Run{Sent: c.producer.Sent(), Samples: watch.Samples(), Rules: oracle.Rules{Commit: time.Hour, Span: partitions * rate * 3600}}
	for _, p := range c.lives {
		calls, err := p.ReadCalls()
		c.must(err)
		run.Calls = append(run.Calls, calls...)
	}
	var err error
	run.Dead, err = c.observer.Dead(c.ctx, c.topic)
	c.must(err)
	report := oracle.Check(run)
	report.Problems = append(report.Problems, c.unanswered(run.Sent)...)
	c.Logf("produced %d, handled %d, dead letters %d, repeated %d; lost %d, out of order %d, passed by commits %d, misled %d; %d lives, longest wait %.0f s",
		report.Produced, report.Handled, report.Dead, report.Repeated, report.Lost, report.Disorder, report.Passed, report.Misled, len(c.lives), report.Worst.Seconds())
	for _, problem := range report.Problems {
		c.Error(problem)
	}
}
