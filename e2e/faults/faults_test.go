// Package faults breaks a real Kafka under a real service, the one that forge
// renders, and has an oracle judge what became of every message.
//
//	FAULTS=short go test ./e2e/faults -v     the selection for each change, <= 6 min
//	FAULTS=all go test ./e2e/faults -v       every experiment, <= 50 min
//
// Without FAULTS nothing runs here. FAULTS_KAFKA_SH names the script that runs
// brokers, e2e/kafka/kafka.sh; without it they run in containers. FAULTS_TABLE
// names a file that gets the table as Markdown, FAULTS_KEEP=1 leaves brokers and
// files where they are.
package faults

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/brokers"
	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// experiment is one row of the table.
type experiment struct {
	number string // in the list of experiments
	name   string
	short  bool // part of the short selection
	run    func(*trial)
}

// bench is what all experiments share.
type bench struct {
	cluster  *brokers.Cluster
	observer *load.Observer
	dir      string // of everything that is written
	root     string // of the repository
	binary   string
	rows     []row
}

// row is a line of the table.
type row struct {
	experiment
	report oracle.Report
	failed bool
	words  []string // why it failed
	took   time.Duration
}

func TestFaults(t *testing.T) {
	which := os.Getenv("FAULTS")
	if which != "short" && which != "all" {
		t.Skip("FAULTS is neither short nor all")
	}
	// Interrupted, or out of time, it still ends the brokers.
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-time.Minute))
		defer cancel()
	}
	began := time.Now()
	b := prepare(ctx, t)
	t.Logf("prepared in %.0f s, files in %s", time.Since(began).Seconds(), b.dir)
	for _, e := range experiments {
		if which == "short" && !e.short || ctx.Err() != nil {
			continue
		}
		t.Run(e.number+" "+e.name, func(t *testing.T) { b.try(ctx, t, e) })
	}
	b.print(t, time.Since(began))
}

// prepare starts the brokers and builds the service, one beside the other.
func prepare(ctx context.Context, t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	var err error
	if b.root, err = filepath.Abs("../.."); err != nil {
		t.Fatal(err)
	}
	if b.dir, err = os.MkdirTemp("", "forge-faults-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() && os.Getenv("FAULTS_KEEP") == "" {
			_ = os.RemoveAll(b.dir)
		}
	})
	built := make(chan error, 1)
	go func() {
		var err error
		b.binary, err = subject.Build(ctx, b.root, b.dir)
		built <- err
	}()
	starting, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if b.cluster, err = brokers.Start(starting); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := <-built; err != nil {
		t.Fatal(err)
	}
	if b.observer, err = load.NewObserver(b.cluster.Direct()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.observer.Client.Close)
	return b
}

// try runs one experiment and notes its row.
func (b *bench) try(ctx context.Context, t *testing.T, e experiment) {
	began := time.Now()
	r := row{experiment: e}
	ctx, cancel := context.WithTimeout(ctx, 12*time.Minute)
	defer cancel()
	tr := newTrial(ctx, t, b, e)
	defer func() {
		r.report, r.failed, r.words, r.took = tr.total, t.Failed(), tr.words, time.Since(began)
		b.rows = append(b.rows, r)
	}()
	defer tr.release()
	e.run(tr)
}

// print shows the table, and writes it to the file that FAULTS_TABLE names.
func (b *bench) print(t *testing.T, took time.Duration) {
	t.Helper()
	var s strings.Builder
	s.WriteString("| # | experiment | produced | handled | dead letters | lost | out of order | duplicates (beyond the window) | seconds to recover | took, s | |\n")
	s.WriteString("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, r := range b.rows {
		verdict := "passed"
		if r.failed {
			verdict = "FAILED"
		}
		p := r.report
		fmt.Fprintf(&s, "| %s | %s | %d | %d | %d | %d | %d | %d (%d) | %.1f | %.0f | %s |\n",
			r.number, r.name, p.Produced, p.Handled, p.Dead, p.Lost, p.Disorder, p.Repeated, p.Excess, p.Worst.Seconds(), r.took.Seconds(), verdict)
	}
	for _, r := range b.rows {
		for _, why := range r.words {
			fmt.Fprintf(&s, "\n%s %s: %s\n", r.number, r.name, why)
		}
	}
	fmt.Fprintf(&s, "\nIn all %.0f s. To recover: the longest that a message waited, from its acknowledgement until it was handled or a dead letter.\n", took.Seconds())
	t.Logf("\n%s", s.String())
	if name := os.Getenv("FAULTS_TABLE"); name != "" {
		if err := os.WriteFile(name, []byte(s.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}
