package faults

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// This file has what is about where a group begins, goes on and ends.

// latest has a group that begins at the end: what was there before is left out, and
// nothing that came since, though nobody was there or the partition is new.
func latest(tr *trial) {
	producer := tr.begin(3, 100, func(p *load.Producer) { p.Place = byKey(3) })
	producer.Send(1, load.Ask{Do: "ok"}) // in partition 1; the others begin empty
	tr.must(producer.Flush(tr.ctx))
	before := producer.Sent()
	tr.gone = func(m oracleSent) bool { return m.ID == before[0].ID }

	settings := []string{"KAFKA_AUTO_OFFSET_RESET=latest"}
	p := tr.startReady(append(settings, "RETRY_DELAY=30s", "RETRY_MAX_DELAY=30s")...)
	producer.Send(2, load.Ask{Do: "retry", Times: 2}) // it waits when the service ends
	tr.eventually(20*time.Second, func() error {
		if tr.doneSoFar() == 0 {
			return errors.New("nothing was tried")
		}
		return nil
	})
	tr.wait(time.Second)
	tr.terminate(p)
	for key := range 30 { // nobody is there, and partitions 0 and 1 had nothing to commit
		producer.Send(key, load.Ask{Do: "ok"})
	}
	tr.must(producer.Flush(tr.ctx))
	p = tr.startReady(settings...)
	tr.produce()
	tr.wait(3 * time.Second)
	tr.must(producer.Stop(tr.ctx))
	_, err := tr.observer.Admin.UpdatePartitions(tr.ctx, 6, tr.topic)
	tr.must(err)
	tr.known(6)
	producer.Place = byKey(6)
	tr.must(producer.Reopen(tr.cluster.Direct()))
	tr.produce()
	tr.wait(5 * time.Second)
	tr.terminate(p)
	tr.startReady(settings...)
	tr.finish(90 * time.Second)
	if slices.ContainsFunc(tr.calls(), func(c oracle.Call) bool { return c.ID == before[0].ID }) {
		tr.Error("what was there before the group was handled")
	}
}

// madeAnew has a topic deleted and created again so soon, and filled so far, that the
// group's positions lie inside the new log.
func madeAnew(tr *trial) {
	const old, anew = 60, 1000
	producer := tr.begin(1, 100, func(p *load.Producer) { p.Ask = onlyOK })
	p := tr.startReady()
	for i := range old {
		producer.Send(i%20, load.Ask{Do: "ok"})
	}
	tr.must(producer.Flush(tr.ctx))
	tr.awaitCommitted(30 * time.Second)
	before := map[string]bool{}
	for _, m := range producer.Sent() {
		before[m.ID] = true
	}
	tr.gone = func(m oracleSent) bool { return before[m.ID] }

	_, err := tr.observer.Admin.DeleteTopics(tr.ctx, tr.topic)
	tr.must(err)
	tr.eventually(30*time.Second, func() error {
		_, err := tr.observer.Admin.CreateTopic(tr.ctx, 1, 3, nil, tr.topic)
		return err
	})
	tr.must(producer.Reopen(tr.cluster.Direct()))
	for i := range anew {
		producer.Send(i%20, load.Ask{Do: "ok"})
	}
	tr.must(producer.Flush(tr.ctx))
	tr.wait(time.Second)
	tr.watch.Forget() // the commits of the old one
	tr.produce()
	tr.wait(5 * time.Second)
	tr.awaitCommitted(60 * time.Second)
	// Until it is noticed, the new log is read from where the old one was left; all of
	// that comes again.
	if ended := tr.logged(p, "session ended", "made anew"); len(ended) > 0 && tr.warned(p, tr.topic, "anew") {
		stamp, _, _ := strings.Cut(strings.TrimPrefix(ended[0], "time="), " ")
		tr.since, err = time.Parse(time.RFC3339, stamp)
		tr.must(err)
	} else {
		tr.Error("the log does not say that the topic was made anew")
	}
	tr.finish(10 * time.Second)
}

// transactions end in what is no message: markers, and what was taken back.
func transactions(tr *trial) {
	producer := tr.begin(3, 0, func(p *load.Producer) { p.Transactional = tr.group })
	tr.startReady("KAFKA_ISOLATION_LEVEL=read_committed")
	seq, aborted := 0, map[string]bool{}
	for round := range 7 { // the last is taken back
		taken, err := producer.Transact(tr.ctx, round%2 == 1, func() {
			for range 60 {
				producer.Send(seq%30, load.Ask{Do: "ok"})
				seq++
			}
		})
		tr.must(err)
		for _, m := range taken {
			aborted[m.ID] = true
		}
	}
	tr.finish(30 * time.Second)
	for _, c := range tr.calls() {
		if aborted[c.ID] {
			tr.Errorf("%s was taken back, and was handled", c.ID)
		}
	}
	// Who reads what was taken back, too, comes to the end of it.
	other := tr.group + "-uncommitted"
	tr.startReady("KAFKA_GROUP_ID=" + other)
	if err := tr.observer.AwaitLag(tr.shortly(30*time.Second), other, tr.topic); err != nil {
		tr.Error(err)
	}
}

// hanging has all brokers keep their connections and say nothing.
func hanging(tr *trial) {
	// bound is that of the service: a read that times out, or a probe of its own.
	const bound, length = 15 * time.Second, 75 * time.Second
	tr.begin(6, 200)
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	for id := 1; id <= 3; id++ {
		tr.must(tr.cluster.Pause(tr.ctx, id))
		defer func() { _ = tr.cluster.Resume(tr.ctx, id) }()
	}
	tr.wait(bound)
	ready, looks := 0, 0
	for began := time.Now(); time.Since(began) < length-bound; looks++ {
		if p.Ready() == nil {
			ready++
		}
		tr.wait(200 * time.Millisecond)
	}
	if ready > 0 {
		tr.Errorf("ready in %d looks of %d, from %v on after the brokers had begun to hang", ready, looks, bound)
	}
	tr.told(p, time.Second, "not answer")
	for id := 1; id <= 3; id++ {
		tr.must(tr.cluster.Resume(tr.ctx, id))
	}
	tr.eventually(60*time.Second, p.Ready)
	tr.rules.Commit += length + 10*time.Second
	tr.finish(60 * time.Second)
	if lines := tr.logged(p, "consuming again", "after="); len(lines) == 0 {
		tr.Error("the log does not say that it consumes again, and after how long")
	}
	if len(tr.logged(p, "stopped, all committed")) == 0 {
		tr.Error("the log does not say that it stopped and all is committed")
	}
}
