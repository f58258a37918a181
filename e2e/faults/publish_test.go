package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

const (
	publishEvents = 10_000
	// publishPeak is what the process may need. The publisher holds 32 MiB, half
	// of all events; the rest is the runtime's, the client's and what was sent
	// and is not collected yet.
	publishPeak = 128 << 10 // KiB
)

// publishCut has the network away while events are published.
func publishCut(tr *trial) {
	length := 10 * time.Second
	if everything() {
		length = time.Minute
	}
	publishAway(tr, length, tr.proxied(), tr.cluster.Cut, func() { tr.must(tr.cluster.Join()) })
}

// publishKilled has all brokers killed while events are published.
func publishKilled(tr *trial) {
	away := func() {
		for id := 1; id <= 3; id++ {
			tr.kill(id)
		}
	}
	back := func() {
		var g errgroup.Group
		for id := 1; id <= 3; id++ { // none is there before it finds another
			g.Go(func() error { return tr.cluster.Restart(context.WithoutCancel(tr.ctx), id) })
		}
		tr.must(g.Wait())
		tr.down = nil
	}
	publishAway(tr, time.Minute, "", away, back)
}

// publishAway publishes events while the brokers go away and come back, and asks
// that each is there once, in its key's order, and that memory was bounded.
func publishAway(tr *trial, length time.Duration, extra string, away, back func()) {
	tr.create(tr.topic, 6)
	binary, err := subject.BuildPublisher(tr.ctx, tr.bench.dir)
	tr.must(err)
	tr.binary, binary = binary, tr.binary
	defer func() { tr.binary = binary }()
	env := []string{
		fmt.Sprintf("PUBLISH_EVENTS=%d", publishEvents), fmt.Sprintf("PUBLISH_LENGTH=%v", length+4*time.Second),
	}
	if extra != "" {
		env = append(env, extra)
	}
	p := tr.start(env...)
	tr.wait(2 * time.Second)
	away()
	tr.wait(length)
	back()
	tr.exits(p, 0, 90*time.Second)

	summary := tr.logged(p, "published in")
	if len(summary) != 1 {
		tr.Fatalf("%s does not say that all is published", p.Log)
	}
	tr.Log(summary[0])
	_, rest, _ := strings.Cut(summary[0], "longest call ")
	var call string
	var peak int
	if _, err := fmt.Sscanf(rest, "%s peak %d kB", &call, &peak); err != nil || peak > publishPeak {
		tr.Errorf("the most memory was %q, want at most %d kB: %v", rest, publishPeak, err)
	}
	if d, err := time.ParseDuration(call); err != nil || d < time.Second {
		tr.Errorf("the longest call took %q: the publisher was never full, so nothing is known of its bound", call)
	}
	tr.checkDeliveries(p)
	tr.checkPublished()
}

// checkDeliveries asks that each event had one call, and that without an error.
func (tr *trial) checkDeliveries(p *subject.Process) {
	tr.Helper()
	b, err := os.ReadFile(p.Calls)
	tr.must(err)
	calls := map[int]int{}
	for line := range strings.Lines(string(b)) {
		var seq, ms int
		var id, result string
		if _, err := fmt.Sscan(line, &seq, &id, &ms, &result); err != nil || result != "ok" {
			tr.Errorf("an event came back: %s", line)
		}
		calls[seq]++
		tr.total.Worst = max(tr.total.Worst, time.Duration(ms)*time.Millisecond)
	}
	for seq := 1; seq <= publishEvents; seq++ {
		if calls[seq] != 1 {
			tr.Errorf("event %d had %d calls", seq, calls[seq])
		}
	}
}

// checkPublished asks that each event is in the topic once and in its order.
func (tr *trial) checkPublished() {
	tr.Helper()
	records, err := tr.observer.All(tr.ctx, tr.topic)
	tr.must(err)
	slices.SortStableFunc(records, func(a, b *kgoRecord) int { return int(a.Offset - b.Offset) })
	seen, last := map[int]bool{}, map[string]int{}
	total := oracle.Report{Produced: publishEvents, Worst: tr.total.Worst}
	for _, r := range records {
		var e struct{ Body struct{ Seq int } }
		tr.must(json.Unmarshal(r.Value, &e))
		key := string(r.Key)
		if seen[e.Body.Seq] {
			total.Repeated++
			continue
		}
		if e.Body.Seq < last[key] {
			total.Disorder++
		}
		seen[e.Body.Seq], last[key] = true, e.Body.Seq
	}
	total.Handled, total.Lost = len(seen), publishEvents-len(seen)
	tr.total = total
	if total.Lost > 0 || total.Disorder > 0 || total.Repeated > 0 {
		tr.Errorf("of %d events %d were lost, %d out of order, %d written twice", publishEvents, total.Lost, total.Disorder, total.Repeated)
	}
}
