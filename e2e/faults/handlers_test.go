package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// slowHandler has a handler that takes longer than the session timeout, which
// must move no partition, and then, while a second life joins, one that takes
// longer than the rebalance timeout and does not listen: the watch reports it,
// and the second life gets the partitions all the same.
func slowHandler(tr *trial) {
	producer := tr.begin(6, 100)
	stuck := []string{"HANDLER_TIMEOUT=8s", "STUCK_AFTER=10s"}
	p := tr.startReady(stuck...)
	tr.produce()
	tr.wait(2 * time.Second)
	producer.Send(1, load.Ask{Do: "stubborn", MS: 7500}) // the session timeout is 6 s
	tr.wait(10 * time.Second)
	if n := tr.sessions(p); n != 1 {
		tr.Errorf("a slow handler made %d sessions of one", n)
	}

	tr.rules.Overlap = true // the second life gets what the first still handles
	producer.Send(2, load.Ask{Do: "stubborn", MS: 25_000})
	tr.eventually(20*time.Second, func() error {
		if p.Live() == nil {
			return errors.New("the watch does not see a handler that is stuck")
		}
		return nil
	})
	second := tr.startReady(stuck...)
	tr.hasPartitions(second, 3)
	tr.finish(60 * time.Second)
}

// hasPartitions waits until a life has at least so many partitions.
func (tr *trial) hasPartitions(p *subject.Process, least float64) {
	tr.Helper()
	tr.eventually(30*time.Second, func() error {
		if n, err := p.Metric("consumer_partitions"); err != nil || n < least {
			return fmt.Errorf("%s has %v partitions, want %v, %w", p.Life, n, least, err)
		}
		return nil
	})
}

// sessions returns how many sessions of the group a life's log has: "consuming", or
// "consuming again" when the brokers did not all know the topic at first.
func (tr *trial) sessions(p *subject.Process) int {
	tr.Helper()
	return len(tr.logged(p, "consuming", "generation="))
}

// logged returns the lines of a life's log with the words.
func (tr *trial) logged(p *subject.Process, words ...string) []string {
	tr.Helper()
	lines, err := p.Logged(words...)
	tr.must(err)
	return lines
}

// deadLettersAtStart has the dead letters' topic missing, which the service creates, and
// such that it would lose dead letters, which is refused.
func deadLettersAtStart(tr *trial) {
	tr.create(tr.topic+".dlq", 3, "cleanup.policy", "compact")
	tr.begin(3, 100)
	p := tr.start()
	tr.exits(p, 1, 20*time.Second)
	if len(tr.logged(p, "cleanup.policy=compact")) == 0 {
		tr.Error("the log does not say what is wrong")
	}
	_, err := tr.observer.Admin.DeleteTopics(tr.ctx, tr.topic+".dlq")
	tr.must(err)
	tr.wait(time.Second)
	tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	tr.finish(30 * time.Second)
	if tr.total.Dead == 0 {
		tr.Error("there are no dead letters")
	}
}

// fuzz sends values that no handler can get.
func fuzz(tr *trial) {
	producer := tr.begin(3, 100)
	p := tr.startReady()
	tr.produce()
	r := rand.New(rand.NewPCG(1, 2))
	good := `{"header":{"messageType":"WorkAsked","schemaName":"WorkAsked","schemaVersion":"1","messageId":"x","timestamp":"2026-01-02T03:04:05Z","producer":"faults"},"body":{"seq":1,"do":"ok"}}`
	values := [][]byte{
		{}, []byte("null"), []byte("\x00\x00\x00\x00\x01avro?"), []byte("\xff\xfe{}"), []byte(`"` + "\xc3\x28" + `"`),
		[]byte(strings.Repeat("[", 10_000)), []byte(strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)),
		[]byte(" \n" + strings.Replace(good, `"seq":1`, `"seq":-1`, 1) + "\t\n"), []byte(strings.Replace(good, `"seq":1`, `"seq":1e400`, 1)),
		[]byte(strings.Replace(good, `"seq":1`, `"seq":1,"seq":2`, 1)), []byte(strings.Replace(good, `"WorkAsked"`, `"Work\u0000"`, 1)),
		[]byte(`{"original_message":{},"error":{"timestamp":"x","reason":"y"}}`), []byte(`<a href="&">` + "\u2028"),
	}
	for i := range 300 {
		switch {
		case i < len(values):
		case i%2 == 0:
			values = append(values, []byte(good[:r.IntN(len(good)-1)]))
		default:
			b := []byte(good)
			for range 1 + r.IntN(4) {
				b[r.IntN(len(b))] = byte(0x80 + r.IntN(0x80)) // never valid alone
			}
			values = append(values, append(b, 0xff))
		}
	}
	for i, v := range values {
		producer.SendRaw(100+i%7, int64(i+1), v, true)
	}
	producer.SendRaw(110, 1, nil, true) // a tombstone, which this handler has no word for
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
	if n := tr.sessions(p); n != 1 {
		tr.Errorf("%d sessions of one", n)
	}
}

// sizes sends messages of exactly the largest size that the topic takes, and
// of one byte less and more. Those that are no JSON do not fit into the dead
// letters' topic in base64.
func sizes(tr *trial) {
	const limit = 200_000
	const around = 116 // of a record with a key of four bytes and its id: the rest of its batch
	tr.create(tr.topic, 3, "max.message.bytes", strconv.Itoa(limit))
	tr.create(tr.topic+".dlq", 3, "max.message.bytes", strconv.Itoa(limit+4096), "cleanup.policy", "delete")
	producer := tr.open(50)
	tr.startReady()
	key := 100
	for _, size := range []int{limit - around - 1, limit - around, limit - around + 1} {
		good := load.Envelope(1, load.Ask{Do: "ok"})
		good = append(good, bytes.Repeat([]byte(" "), size-len(good))...)
		for _, value := range [][]byte{bytes.Repeat([]byte{0xfe}, size), good} {
			producer.SendRaw(key, 1, value, value[0] == 0xfe)
			tr.must(producer.Flush(tr.ctx)) // each in a batch of its own
			key++
		}
	}
	if refused := producer.Refused(); len(refused) != 2 {
		tr.Errorf("of sizes around the limit %d were refused, want 2: %v", len(refused), refused)
	}
	tr.produce() // only now: it would share batches with those
	tr.wait(2 * time.Second)
	tr.finish(60 * time.Second)
}

// sharedGroup has two services with different topics in one group, of which
// each gets its own topic, and two with one instance id.
func sharedGroup(tr *trial) {
	other := tr.topic + "-other"
	tr.create(other, 3)
	tr.begin(3, 100)
	first := tr.startReady()
	tr.produce()
	second := tr.start("FAULTS_TOPICS=" + other)
	for _, p := range []*subject.Process{first, second} {
		tr.hasPartitions(p, 3)
	}
	tr.wait(2 * time.Second)
	tr.terminate(second)
	tr.terminate(first)

	static := "KAFKA_GROUP_INSTANCE_ID=same"
	third := tr.startReady(static)
	fourth := tr.start(static)
	tr.eventually(40*time.Second, func() error {
		if !third.Ended() && !fourth.Ended() {
			return errors.New("neither was fenced")
		}
		return nil
	})
	fenced := third
	if fourth.Ended() {
		fenced = fourth
	}
	tr.exits(fenced, 1, time.Second)
	if len(tr.logged(fenced, "KAFKA_GROUP_INSTANCE_ID")) == 0 {
		tr.Error("the fenced one does not say why it ends")
	}
	tr.finish(60 * time.Second)
}

// slowPartition holds the fast partitions' waits beside a slow one against
// their waits alone.
func slowPartition(tr *trial) {
	var slow atomic.Bool
	tr.begin(6, 120, func(p *load.Producer) {
		p.Keys = 60
		p.Place = func(key int) int32 { return int32(key % 6) }
		p.Ask = func(_ *rand.Rand, key int) load.Ask {
			if key%6 == 0 && slow.Load() {
				return load.Ask{Do: "slow", MS: 50}
			}
			return load.Ask{Do: "ok"}
		}
	})
	tr.startReady("ORDERING=partition", "MAX_WORKERS=4")
	tr.produce()
	tr.wait(15 * time.Second)
	slow.Store(true) // 20 a second come, and 20 a second can be done
	turned := time.Now().UnixNano()
	tr.wait(20 * time.Second)
	tr.finish(60 * time.Second)
	alone := p99(tr.waits(func(m oracleSent) bool { return m.Place.Partition != 0 && m.At < turned }))
	beside := p99(tr.waits(func(m oracleSent) bool { return m.Place.Partition != 0 && m.At >= turned }))
	slowest := p99(tr.waits(func(m oracleSent) bool { return m.Place.Partition == 0 && m.At >= turned }))
	tr.Logf("p99 of the fast partitions: %v alone, %v beside the slow one, which has %v", alone, beside, slowest)
	if beside > 2*alone+100*time.Millisecond { // the machine has other things to do, too
		tr.Errorf("the fast partitions' p99 is %v alone and %v beside a slow one", alone, beside)
	}
}

func p99(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)*99/100]
}

// waits returns how long some messages waited for their handler to end.
func (tr *trial) waits(of func(oracleSent) bool) []time.Duration {
	tr.Helper()
	sent := map[string]oracle.Sent{}
	for _, m := range tr.producer.Sent() {
		sent[m.ID] = m
	}
	var list []time.Duration
	for _, c := range tr.calls() {
		if m, ok := sent[c.ID]; ok && of(m) && c.Outcome == oracle.Done {
			list = append(list, time.Duration(c.End-m.At))
		}
	}
	return list
}

// chain has each message published to a second topic by its handler, and
// checks what is there.
func chain(tr *trial) {
	out := tr.topic + "-out"
	tr.create(out, 6)
	producer := tr.begin(6, 100)
	producer.Ask = func(*rand.Rand, int) load.Ask { return load.Ask{Do: "forward"} }
	p := tr.startReady("FAULTS_OUT="+out, tr.proxied())
	tr.produce()
	tr.wait(4 * time.Second)
	p.Kill()
	tr.startReady("FAULTS_OUT="+out, tr.proxied())
	tr.wait(2 * time.Second)
	tr.cluster.Cut()
	tr.wait(3 * time.Second)
	tr.must(tr.cluster.Join())
	tr.rules.Commit += 6 * time.Second
	id := tr.leader(out)
	tr.kill(id)
	tr.wait(5 * time.Second)
	tr.restart(id)
	tr.finish(60 * time.Second)
	tr.checkChain(out)
}

// checkChain asks that each acknowledged message is in the topic, unaltered,
// and that each key's first copies are in order.
func (tr *trial) checkChain(out string) {
	tr.Helper()
	records, err := tr.observer.All(tr.ctx, out)
	tr.must(err)
	slices.SortStableFunc(records, func(a, b *kgoRecord) int { return int(a.Offset - b.Offset) })
	copies := make([]oracle.Copy, len(records))
	for i, r := range records {
		copies[i] = oracle.Copy{ID: string(r.Headers[0].Value), Sum: load.Sum(r.Value)}
	}
	for _, problem := range oracle.CheckCopies(tr.producer.Sent(), copies) {
		tr.Error(problem)
	}
	tr.Logf("%d copies of %d messages in %s", len(records), len(tr.producer.Sent()), filepath.Base(out))
}
