package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/e2e/faults/load"
	"github.com/ouroboros-forge/forge/e2e/faults/subject"
)

// killCoordinator kills the broker that takes the group's commits.
func killCoordinator(tr *trial) {
	tr.begin(6, 300)
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	id := tr.coordinator()
	tr.kill(id)
	tr.rules.Commit += 12 * time.Second
	tr.wait(8 * time.Second)
	tr.awaitCommitted(30 * time.Second) // commits converge with the broker away
	tr.restart(id)
	tr.eventually(30*time.Second, p.Ready)
	tr.finish(30 * time.Second)
}

// outOfRange deletes what the service has not read yet, while it is away.
func outOfRange(tr *trial) {
	producer := tr.begin(3, 200)
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	tr.terminate(p)
	tr.wait(3 * time.Second)
	tr.must(producer.Stop(tr.ctx))
	ends, err := tr.observer.Admin.ListEndOffsets(tr.ctx, tr.topic)
	tr.must(err)
	cut := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) { cut.AddOffset(o.Topic, o.Partition, o.Offset-20, -1) })
	_, err = tr.observer.Admin.DeleteRecords(tr.ctx, cut)
	tr.must(err)
	tr.gone = func(m oracleSent) bool {
		o, ok := cut.Lookup(m.Place.Topic, m.Place.Partition)
		return ok && m.Offset < o.At
	}
	p = tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	tr.finish(30 * time.Second)
	for partition := range 3 {
		o, _ := cut.Lookup(tr.topic, int32(partition))
		if len(tr.logged(p, "level=WARN", "out of range", fmt.Sprintf("partition=%d", partition), fmt.Sprintf("=%d", o.At))) == 0 {
			tr.Errorf("nothing in the log of what was skipped of partition %d", partition)
		}
	}
}

// recreated deletes the topic under the service and creates it again.
func recreated(tr *trial) {
	producer := tr.begin(6, 200)
	p := tr.startReady()
	tr.produce()
	tr.wait(4 * time.Second)
	tr.awaitCommitted(30 * time.Second)
	old := tr.producer.Sent()
	_, err := tr.observer.Admin.DeleteTopics(tr.ctx, tr.topic)
	tr.must(err)
	tr.wait(4 * time.Second)
	lines := len(tr.logged(p, ""))
	tr.wait(4 * time.Second)
	if n := len(tr.logged(p, "")) - lines; n > 100 {
		tr.Errorf("%d lines of log in 4 s without a topic", n)
	}
	tr.create(tr.topic, 6)
	tr.must(producer.Reopen(tr.cluster.Direct())) // it knew the old one
	before := map[string]bool{}
	for _, m := range old {
		before[m.ID] = true
	}
	tr.gone = func(m oracleSent) bool { return before[m.ID] }
	tr.watch.Forget()
	tr.wait(time.Second)
	tr.produce()
	tr.wait(5 * time.Second)
	tr.finish(60 * time.Second)
}

// morePartitions doubles the partitions under load.
func morePartitions(tr *trial) {
	tr.begin(3, 300)
	tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	_, err := tr.observer.Admin.UpdatePartitions(tr.ctx, 6, tr.topic)
	tr.must(err)
	tr.wait(10 * time.Second)
	tr.finish(90 * time.Second)
	tr.noLongerThan(30 * time.Second)
	seen := map[int32]bool{}
	for _, m := range tr.producer.Sent() {
		seen[m.Place.Partition] = true
	}
	if len(seen) != 6 {
		tr.Errorf("messages in %d partitions of 6", len(seen))
	}
}

// disturb runs the load through a network that is broken in one way.
func disturb(toxic string, length time.Duration) func(*trial) {
	return func(tr *trial) {
		tr.begin(6, 200)
		tr.startReady(tr.proxied())
		tr.produce()
		tr.wait(3 * time.Second)
		defer tr.cluster.RemoveToxics(tr.ctx)
		tr.must(tr.cluster.Disturb(toxic))
		tr.rules.Commit += length + 5*time.Second
		tr.wait(length)
		tr.cluster.RemoveToxics(tr.ctx)
		tr.wait(3 * time.Second)
		tr.finish(60 * time.Second)
	}
}

// unclean has a partition led by a broker that lacks the last messages, also
// committed ones: its log ends below what is committed.
func unclean(tr *trial) {
	c := tr.coordinator() // its log must stay whole
	first, second := c%3+1, (c+1)%3+1
	tr.createOn(tr.topic, [][]int32{{int32(first), int32(second)}}, "unclean.leader.election.enable", "true", "min.insync.replicas", "1")
	tr.create(tr.topic+".dlq", 1, "cleanup.policy", "delete", "min.insync.replicas", "1")
	producer := tr.open(200, func(p *load.Producer) {
		p.Ask = func(*rand.Rand, int) load.Ask { return load.Ask{Do: "ok"} }
	})
	p := tr.startReady()
	tr.produce()
	tr.wait(3 * time.Second)
	tr.must(tr.cluster.Pause(tr.ctx, second)) // the first goes on alone, once the second is given up
	resume := sync.OnceValue(func() error { return tr.cluster.Resume(tr.ctx, second) })
	defer func() { _ = resume() }()
	tr.wait(12 * time.Second)
	tr.awaitCommitted(30 * time.Second)
	tr.kill(first)
	tr.must(resume())
	tr.eventually(60*time.Second, func() error {
		if id := tr.leader(tr.topic); id != second {
			return fmt.Errorf("broker %d leads, want %d", id, second)
		}
		return nil
	})
	var end int64
	tr.eventually(60*time.Second, func() error {
		ends, err := tr.observer.Admin.ListEndOffsets(tr.ctx, tr.topic)
		o, _ := ends.Lookup(tr.topic, 0)
		end = o.Offset
		return errors.Join(err, o.Err)
	})
	turned := time.Now().UnixNano()
	tr.gone = func(m oracleSent) bool { return m.At < turned && m.Offset >= end }
	tr.eventually(60*time.Second, func() error {
		if len(tr.logged(p, "level=WARN", "out of range", fmt.Sprintf("=%d", end))) == 0 {
			return fmt.Errorf("nothing in the log of a log that ends at %d, below what is committed", end)
		}
		return nil
	})
	tr.restart(first)
	tr.awaitCommitted(60 * time.Second)
	highest := tr.watch.Highest()
	tr.watch.Forget() // the offsets from the log's end on are now used again
	tr.must(producer.Reopen(tr.cluster.Direct()))
	tr.produce()
	tr.wait(3 * time.Second)
	tr.rules.Commit = time.Hour // by the policy all that is left comes again
	tr.finish(60 * time.Second)
	if lost := highest - end; lost <= 0 {
		tr.Errorf("nothing was lost: the log ended at %d", end)
	}
}

// createOn makes a topic whose partitions are on the given brokers.
func (tr *trial) createOn(topic string, on [][]int32, config ...string) {
	tr.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for partition, replicas := range on {
		assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		assignment.Partition, assignment.Replicas = int32(partition), replicas
		t.ReplicaAssignment = append(t.ReplicaAssignment, assignment)
	}
	for i := 0; i < len(config); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = config[i], &config[i+1]
		t.Configs = append(t.Configs, c)
	}
	request.Topics = append(request.Topics, t)
	response, err := request.RequestWith(tr.ctx, tr.observer.Client)
	tr.must(err)
	tr.must(kerr.ErrorForCode(response.Topics[0].ErrorCode))
	tr.topics = append(tr.topics, topic)
}

// fullDisk has a broker's disk run full, and later be emptied.
func fullDisk(tr *trial) {
	const id = 2
	dir := tr.cluster.Dir(id)
	if dir == "" {
		tr.Skip("a container's disk is not to be had from here")
	}
	tr.begin(6, 300)
	tr.startReady()
	tr.produce()
	tr.kill(id)
	old := dir + ".old"
	tr.must(os.Rename(dir, old))
	tr.must(os.Mkdir(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1g"); err != nil {
		tr.must(os.Remove(dir))
		tr.must(os.Rename(old, dir))
		tr.restart(id)
		tr.Skipf("mounting a small disk: %v", err)
	}
	tr.must(copyTree(old, dir))
	tr.must(os.RemoveAll(old))
	defer func() {
		_ = tr.cluster.Kill(tr.ctx, id)
		tr.must(os.Mkdir(old, 0o755))
		tr.must(copyTree(dir, old))
		tr.must(syscall.Unmount(dir, syscall.MNT_DETACH))
		tr.must(os.Remove(dir))
		tr.must(os.Rename(old, dir))
		tr.restart(id)
	}()
	tr.restart(id)
	tr.wait(3 * time.Second)
	filler := filepath.Join(dir, "filler")
	err := fill(filler)
	if !errors.Is(err, syscall.ENOSPC) {
		tr.Fatalf("the disk is not full: %v", err)
	}
	tr.rules.Commit += 15 * time.Second
	tr.wait(10 * time.Second)
	_ = tr.cluster.Kill(tr.ctx, id) // it may have ended by itself
	tr.must(os.Remove(filler))
	tr.restart(id)
	tr.wait(3 * time.Second)
	tr.finish(60 * time.Second)
}

// fill writes zeros until nothing more goes in.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	block := make([]byte, 1<<16)
	for {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
}

// copyTree copies a directory's content, with the holes in its files.
func copyTree(from, to string) error {
	out, err := exec.Command("cp", "-a", "--sparse=always", from+"/.", to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	return nil
}

// clockSteps has the service's wall clock jump while handlers ask for retries:
// it is compiled with a time.Now that adds a step now and then.
func clockSteps(tr *trial) {
	binary, err := subject.BuildWithSteps(tr.ctx, tr.root, tr.bench.dir)
	tr.must(err)
	tr.binary, binary = binary, tr.binary
	defer func() { tr.binary = binary }()
	tr.create(tr.topic+".dlq", 6, "message.timestamp.type", "LogAppendTime", "cleanup.policy", "delete") // by a clock that stands still
	producer := tr.begin(6, 200)
	producer.Ask = func(r *rand.Rand, key int) load.Ask {
		if r.IntN(10) == 0 {
			return load.Ask{Do: "retry", Times: 3}
		}
		return load.Mixed(r, key)
	}
	p := tr.startReady()
	tr.produce()
	tr.wait(15 * time.Second)
	tr.finish(60 * time.Second)
	tr.noLongerThan(20 * time.Second)
	if len(tr.logged(p, "level=ERROR")) > 0 {
		tr.Errorf("errors: %s", strings.Join(tr.logged(p, "level=ERROR"), "\n"))
	}
}
