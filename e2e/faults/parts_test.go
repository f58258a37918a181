package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// This file has what is the trouble of one part, and must not be the whole's.

// othersWait is how long a message may wait for the trouble of another part. A
// restart of the service is in it.
const othersWait = 15 * time.Second

func onlyOK(*rand.Rand, int) load.Ask { return load.Ask{Do: "ok"} }

// byKey spreads keys over partitions evenly.
func byKey(partitions int) func(int) int32 {
	return func(key int) int32 { return int32(key % partitions) }
}

// told waits until a life is not ready for a reason that has the words, and its
// log has a warning with them.
func (tr *trial) told(p *subject.Process, within time.Duration, words ...string) {
	tr.Helper()
	missing := func(text string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
	tr.eventually(within, func() error {
		err := p.Ready()
		if err == nil || missing(err.Error()) {
			return fmt.Errorf("/readyz of %s wants a reason with %q: %w", p.Life, words, err)
		}
		if !tr.warned(p, words...) {
			return fmt.Errorf("the log of %s has no warning with %q", p.Life, words)
		}
		return nil
	})
}

// warned reports whether a life's log has a warning or an error with the words.
func (tr *trial) warned(p *subject.Process, words ...string) bool {
	tr.Helper()
	return slices.ContainsFunc(tr.logged(p, words...), func(line string) bool {
		return strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR")
	})
}

// noneWaited asks that no message of some was handled later than othersWait after it
// was there. Whether each was handled at all is the oracle's question.
func (tr *trial) noneWaited(of func(oracle.Sent) bool) {
	tr.Helper()
	list := tr.waits(of)
	if len(list) == 0 {
		tr.Error("none of the others was handled")
	} else if longest := slices.Max(list); longest > othersWait {
		tr.Errorf("one of %d others waited %v, want at most %v", len(list), longest.Round(time.Millisecond), othersWait)
	}
}

// stays asks that a life had one session all the time.
func (tr *trial) stays(p *subject.Process) {
	tr.Helper()
	if n := tr.sessions(p); n != 1 {
		tr.Errorf("%s had %d sessions, want one", p.Life, n)
	}
}

// leaderless has the only replica of some partitions away, under a service that runs
// and under one that starts.
func leaderless(tr *trial) {
	away := tr.coordinator()%3 + 1 // the group must not suffer from another cause
	tr.createOn(tr.topic, [][]int32{{1}, {2}, {3}, {1}, {2}, {3}}, "min.insync.replicas", "1")
	tr.create(tr.topic+".dlq", 6, "cleanup.policy", "delete")
	tr.open(60, func(p *load.Producer) { p.Keys, p.Place = 60, byKey(6) })
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	tr.kill(away)
	var dead []int32
	tr.eventually(30*time.Second, func() error {
		all, err := tr.observer.Admin.ListTopics(tr.ctx, tr.topic)
		dead = nil
		for _, partition := range all[tr.topic].Partitions {
			if partition.Leader < 0 {
				dead = append(dead, partition.Partition)
			}
		}
		if len(dead) != 2 {
			return fmt.Errorf("%d partitions without a leader, want 2, %w", len(dead), err)
		}
		return nil
	})
	noLeader := []string{tr.topic, strconv.Itoa(int(dead[0])), strconv.Itoa(int(dead[1]))}
	from := time.Now().UnixNano()
	tr.told(p, 30*time.Second, noLeader...)
	tr.wait(15 * time.Second)
	tr.stays(p)
	tr.terminate(p)
	p = tr.start()
	tr.wait(othersWait + 10*time.Second)
	tr.told(p, time.Second, noLeader...)
	tr.restart(away)
	tr.eventually(60*time.Second, p.Ready)
	tr.finish(90 * time.Second)
	tr.noneWaited(func(m oracle.Sent) bool { return m.At >= from && !slices.Contains(dead, m.Place.Partition) })
}

// quota has the brokers hold back what the service fetches.
func quota(tr *trial) {
	const rate, messages, size = 50_000, 9_000, 600
	alter := func(remove bool) {
		name := "subject"
		_, err := tr.observer.Admin.AlterClientQuotas(context.WithoutCancel(tr.ctx), []kadm.AlterClientQuotaEntry{{
			Entity: kadm.ClientQuotaEntity{{Type: "client-id", Name: &name}},
			Ops:    []kadm.AlterClientQuotaOp{{Key: "consumer_byte_rate", Value: rate, Remove: remove}},
		}})
		tr.must(err)
	}
	alter(false)
	defer alter(true)
	producer := tr.begin(6, 10, func(p *load.Producer) { p.Ask = onlyOK })
	for i := range messages {
		seq := int64(i/50 + 1)
		value := load.Envelope(seq, load.Ask{Do: "ok"})
		producer.SendRaw(100+i%50, seq, append(value, strings.Repeat(" ", size-len(value))...), false)
		if i%200 == 199 { // in batches that a quota lets through
			tr.must(producer.Flush(tr.ctx))
		}
	}
	// Times of production: what is held back is held back for up to 10 s.
	p := tr.startReady("KAFKA_READ_TIMEOUT=30s", "KAFKA_REBALANCE_TIMEOUT=60s", "KAFKA_SESSION_TIMEOUT=10s", "KAFKA_HEARTBEAT_INTERVAL=3s")
	tr.produce()
	tr.wait(30 * time.Second)
	tr.awaitCommitted(3 * time.Minute)
	tr.stays(p)
	tr.finish(10 * time.Second)
	if tr.total.Repeated > 0 {
		tr.Errorf("%d were handled again, and nothing but a quota was there", tr.total.Repeated)
	}
	if tr.total.Worst < 20*time.Second {
		tr.Errorf("no message waited longer than %v: the quota holds nothing back", tr.total.Worst)
	}
}

// missingTopic has a topic missing beside a good one: deleted while the service runs,
// and not there when it starts.
func missingTopic(tr *trial) {
	other := tr.topic + "-other"
	both := "FAULTS_TOPICS=" + tr.topic + "," + other
	tr.create(other, 3)
	tr.begin(3, 100)
	p := tr.startReady(both)
	tr.produce()
	tr.wait(2 * time.Second)
	_, err := tr.observer.Admin.DeleteTopics(tr.ctx, other)
	tr.must(err)
	tr.told(p, 30*time.Second, other)
	tr.wait(othersWait + 5*time.Second)
	tr.terminate(p)
	p = tr.start(both)
	tr.wait(othersWait + 5*time.Second)
	tr.told(p, time.Second, other)
	tr.create(other, 3)
	tr.eventually(60*time.Second, p.Ready)
	tr.alsoHandled(other, 20)
	tr.finish(30 * time.Second)
	tr.noneWaited(func(oracle.Sent) bool { return true })
}

// alsoHandled sends messages to another topic of the service and waits until they are
// handled.
func (tr *trial) alsoHandled(topic string, n int) {
	tr.Helper()
	producer := &load.Producer{Topic: topic}
	tr.must(producer.Open(tr.cluster.Direct(), tr.dir+"/also-acknowledged"))
	defer producer.Close()
	for i := range n {
		producer.Send(i, load.Ask{Do: "ok"})
	}
	tr.must(producer.Stop(tr.ctx))
	tr.eventually(30*time.Second, func() error {
		done := map[int64]bool{}
		for _, c := range tr.calls() {
			if c.Place.Topic == topic && c.Outcome == oracle.Done {
				done[c.Offset*100+int64(c.Place.Partition)] = true
			}
		}
		if len(done) < n {
			return fmt.Errorf("%d of %d messages of %s are handled", len(done), n, topic)
		}
		return nil
	})
}

// oversized has a batch that is larger than the service may hold, once it is
// decompressed, with messages before it and behind it.
func oversized(tr *trial) {
	producer := tr.begin(3, 60, func(p *load.Producer) { p.Keys, p.Place = 30, byKey(3) })
	for range 3 {
		producer.Send(0, load.Ask{Do: "ok"})
		tr.must(producer.Flush(tr.ctx)) // each in a batch of its own
	}
	first, last := tr.bomb(0)
	for range 3 {
		producer.Send(0, load.Ask{Do: "ok"})
	}
	tr.must(producer.Flush(tr.ctx))
	p := tr.start("MAX_BUFFER_BYTES=67108864") // all of it is there when it first looks
	tr.eventually(30*time.Second, func() error {
		if n := tr.doneSoFar(); n < 3 {
			return fmt.Errorf("%d messages before the batch are handled, want 3", n)
		}
		return nil
	})
	producer.Place, producer.Keys = func(key int) int32 { return int32(1 + key%2) }, 20
	tr.produce()
	tr.told(p, 30*time.Second, tr.topic, strconv.FormatInt(first, 10))
	tr.wait(45 * time.Second)
	tr.stays(p)
	// Whoever is called deletes it; the service goes on behind it by itself.
	cut := kadm.Offsets{}
	cut.AddOffset(tr.topic, 0, last+1, -1)
	_, err := tr.observer.Admin.DeleteRecords(tr.ctx, cut)
	tr.must(err)
	tr.eventually(60*time.Second, p.Ready)
	tr.finish(30 * time.Second)
	tr.noneWaited(func(m oracle.Sent) bool { return m.Place.Partition != 0 })
}

// bomb writes one batch of 114 MiB, small on the wire, and returns its offsets.
func (tr *trial) bomb(partition int32) (first, last int64) {
	tr.Helper()
	const records, size = 130, 900 << 10
	client, err := kgo.NewClient(kgo.SeedBrokers(tr.cluster.Direct()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(1<<30), kgo.BrokerMaxWriteBytes(1<<30),
		kgo.MaxBufferedBytes(1<<30), kgo.ProducerLinger(2*time.Second))
	tr.must(err)
	defer client.Close()
	value := append(load.Envelope(1, load.Ask{Do: "ok"}), strings.Repeat(" ", size)...)
	list := make([]*kgo.Record, records)
	for i := range list {
		list[i] = &kgo.Record{Topic: tr.topic, Partition: partition, Key: []byte("bomb"), Value: value, Headers: []kgo.RecordHeader{{Key: "id", Value: []byte("bomb")}}}
	}
	tr.must(client.ProduceSync(tr.ctx, list...).FirstErr())
	first, last = list[0].Offset, list[records-1].Offset
	if last-first != records-1 {
		tr.must(errors.New("the large batch was written as several"))
	}
	return first, last
}
