package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// experiments are in the order of the list that they come from.
var experiments = []experiment{
	{"1", "kill -9 the leader, restart it", true, killLeader},
	{"2", "SIGSTOP the leader, with a rebalance inside", true, pauseLeader},
	{"3", "kill -9 the service in mid-batch", true, killService},
	{"4", "rebalance storm, eager", true, func(tr *trial) { storm(tr, "sticky") }},
	{"4", "rebalance storm, cooperative", false, func(tr *trial) { storm(tr, "cooperative-sticky") }},
	{"5", "handler slower than the timeouts", false, slowHandler},
	{"6", "dead letter topic unfit, then missing at start", false, deadLettersAtStart},
	{"6", "dead letter topic deleted while running", true, deadLettersGone},
	{"7", "dead letters may not be written, then may", false, deadLettersDenied},
	{"8", "a broker's disk full", false, fullDisk},
	{"9", "values that cannot be read", false, fuzz},
	{"10", "values around the size limit", false, sizes},
	{"11", "the service's clock steps", false, clockSteps},
	{"12", "kill -9 the group's coordinator", false, killCoordinator},
	{"13", "password, authority or certificate wrong, then right", false, refused},
	{"14", "records deleted while stopped", false, outOfRange},
	{"15", "topic deleted and created again", false, recreated},
	{"16", "partitions 3 to 6 under load", false, morePartitions},
	{"17", "group shared with other topics; instance id twice", false, sharedGroup},
	{"18", "network cut", true, cut},
	{"18", "network half-open for 12 s", false, disturb(`{"name":"t","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`, 12*time.Second)},
	{"18", "connections reset each 500 ms", false, disturb(`{"name":"t","type":"reset_peer","stream":"downstream","attributes":{"timeout":500}}`, 10*time.Second)},
	{"18", "latency 300 ms", false, disturb(`{"name":"t","type":"latency","stream":"downstream","attributes":{"latency":300,"jitter":100}}`, 10*time.Second)},
	{"18", "sliced to 64 bytes", false, disturb(`{"name":"t","type":"slicer","stream":"downstream","attributes":{"average_size":64,"size_variation":32,"delay":200}}`, 10*time.Second)},
	{"19", "unclean election below what is committed", false, unclean},
	{"20", "SIGTERM under load", true, terminateUnderLoad},
	{"21", "a slow partition beside fast ones", false, slowPartition},
	{"22", "consume, transform, produce", false, chain},
	{"23", "network away while 10,000 events are published", true, publishCut},
	{"23", "all brokers killed while 10,000 events are published", false, publishKilled},
	{"24", "partitions without a leader", false, leaderless},
	{"25", "quota below the load", false, quota},
	{"26", "latest: restart, waiting message, new partitions", false, latest},
	{"27", "topic made anew under a committed position", false, madeAnew},
	{"28", "all brokers hang", false, hanging},
	{"29", "transactions, the last taken back", false, transactions},
	{"30", "topic missing beside a good one", false, missingTopic},
	{"31", "batch too large when decompressed", false, oversized},
	{"32", "certificate and password renewed", false, renewed},
	{"33", "a right missing, at the start and later", false, rightMissing},
	{"34", "each mechanism of SASL, tokens that end", false, mechanisms},
}

// killLeader kills the broker that leads partition 0, then starts it again.
func killLeader(tr *trial) {
	tr.begin(6, 300)
	tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	id := tr.leader(tr.topic)
	tr.kill(id)
	tr.rules.Commit += 15 * time.Second // it may be the coordinator too
	tr.wait(8 * time.Second)
	tr.restart(id)
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
	tr.noLongerThan(45 * time.Second)
}

// noLongerThan holds the longest wait of a message against a limit.
func (tr *trial) noLongerThan(limit time.Duration) {
	tr.Helper()
	if tr.total.Worst > limit {
		tr.Errorf("a message waited %v, want at most %v", tr.total.Worst, limit)
	}
}

// pauseLeader freezes the broker that leads partition 0, has a second life
// join meanwhile, and lets the broker go on.
func pauseLeader(tr *trial) {
	frozen := 15 * time.Second
	if everything() {
		frozen = 45 * time.Second
	}
	tr.begin(6, 300)
	tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	id := tr.leader(tr.topic)
	tr.must(tr.cluster.Pause(tr.ctx, id))
	defer func() { _ = tr.cluster.Resume(tr.ctx, id) }()
	tr.rules.Commit += frozen
	tr.wait(frozen / 3)
	tr.start()
	tr.wait(frozen * 2 / 3)
	tr.must(tr.cluster.Resume(tr.ctx, id))
	tr.wait(5 * time.Second)
	tr.finish(90 * time.Second)
}

// killService kills one life after the other while messages keep coming.
func killService(tr *trial) {
	rounds := 5
	if everything() {
		rounds = 50
	}
	tr.begin(6, 300)
	tr.produce()
	quick := []string{"KAFKA_SESSION_TIMEOUT=2s", "KAFKA_HEARTBEAT_INTERVAL=500ms"}
	for range rounds {
		p := tr.startReady(quick...)
		done := tr.handled(p)
		tr.eventually(30*time.Second, func() error {
			if n := tr.handled(p); n < done+100 {
				return fmt.Errorf("handled %v, then %v", done, n)
			}
			return nil
		})
		tr.wait(time.Duration(rand.IntN(4000)) * time.Millisecond)
		p.Kill()
	}
	tr.startReady(quick...)
	tr.finish(60 * time.Second)
}

// handled returns how many messages a life says that it handled.
func (tr *trial) handled(p interface{ Metric(string) (float64, error) }) float64 {
	tr.Helper()
	n, err := p.Metric(fmt.Sprintf(`consumer_events_total{class="",event="handled",topic=%q}`, tr.topic))
	tr.must(err)
	return n
}

// storm has members join and leave all the time.
func storm(tr *trial, strategy string) {
	storms := 3
	if everything() {
		storms = 10
	}
	strategy = "KAFKA_REBALANCE_STRATEGY=" + strategy
	tr.begin(6, 300)
	tr.startReady(strategy)
	tr.produce()
	for range storms {
		before := tr.doneSoFar()
		a := tr.start(strategy)
		tr.wait(2 * time.Second)
		b := tr.start(strategy)
		tr.wait(2 * time.Second)
		tr.terminate(a)
		tr.wait(2 * time.Second)
		tr.terminate(b)
		tr.wait(2 * time.Second)
		if after := tr.doneSoFar(); after == before {
			tr.Errorf("no progress in a storm: %d calls before and after it", before)
		}
	}
	tr.finish(60 * time.Second)
}

// deadLettersGone deletes the dead letters' topic under the service, which may
// then commit nothing that should be there until it has made it anew.
func deadLettersGone(tr *trial) {
	var peace atomic.Bool // no message that fails: what is deleted must be known
	producer := tr.begin(3, 200)
	producer.Ask = func(r *rand.Rand, key int) load.Ask {
		if ask := load.Mixed(r, key); !peace.Load() || ask.Do == "ok" {
			return ask
		}
		return load.Ask{Do: "ok"}
	}
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	peace.Store(true)
	tr.wait(2 * time.Second)
	before, err := tr.observer.Dead(tr.ctx, tr.topic)
	tr.must(err)
	_, err = tr.observer.Admin.DeleteTopics(tr.ctx, tr.topic+".dlq")
	tr.must(err)
	peace.Store(false)
	tr.eventually(30*time.Second, func() error {
		if p.Ready() == nil {
			return errors.New("the service says that it is ready")
		}
		return nil
	})
	tr.eventually(30*time.Second, p.Ready)
	tr.wait(3 * time.Second)
	// What was in the topic before is gone with it, and that is the experiment's doing.
	lost := map[string]bool{}
	for _, d := range before {
		lost[d.ID] = true
	}
	tr.gone = func(m oracleSent) bool { return lost[m.ID] }
	tr.finish(60 * time.Second)
}

// cut takes the network away and gives it back, three times.
func cut(tr *trial) {
	tr.begin(6, 300)
	tr.startReady(tr.proxied())
	tr.produce()
	tr.rules.Commit += 12 * time.Second
	for _, length := range []time.Duration{time.Second, 10 * time.Second, 3 * time.Second} {
		tr.wait(3 * time.Second)
		tr.cluster.Cut()
		tr.wait(length)
		tr.must(tr.cluster.Join())
	}
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
}

// terminateUnderLoad ends a life with a thousand messages queued, and another
// with two signals, and a third whose handler does not end.
func terminateUnderLoad(tr *trial) {
	producer := tr.begin(6, 300)
	for i := range 3000 { // more than can be done at once
		producer.Send(i%50, load.Ask{Do: "slow", MS: 50})
	}
	p := tr.startReady("MAX_POLL_RECORDS=2000")
	tr.produce()
	tr.wait(2 * time.Second)
	began := time.Now()
	tr.terminate(p)
	if took := time.Since(began); took > subject.DrainTimeout+time.Second {
		tr.Errorf("SIGTERM took %v, the drain may take %v", took, subject.DrainTimeout)
	}
	// With two signals, the second one ends the service at once, as kill -9
	// would: a handler takes longer than the drain may.
	p = tr.startReady()
	tr.must(p.Signal(syscall.SIGTERM))
	tr.wait(20 * time.Millisecond)
	began = time.Now()
	_ = p.Signal(syscall.SIGTERM) // it may have ended
	if _, err := p.Wait(2 * time.Second); err != nil {
		tr.Errorf("a second SIGTERM, %v later: %v", time.Since(began), err)
	}
	// A handler that does not listen outlasts the drain, and its message comes
	// again.
	p = tr.startReady()
	tr.awaitCommitted(90 * time.Second)
	producer.Send(1, load.Ask{Do: "stubborn", MS: 8000})
	tr.wait(time.Second)
	tr.must(p.Signal(syscall.SIGTERM))
	tr.exits(p, 0, subject.DrainTimeout+2*time.Second)
	tr.startReady()
	tr.finish(60 * time.Second)
}
