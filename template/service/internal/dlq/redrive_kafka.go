//go:build !jetstream && !rabbitmq

package dlq

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/kafka"
)

const (
	// A commit comes after this many bytes of dead letters, or this much time, and as many
	// are sent while it is made: they wait in memory, and are sent again when the redrive is
	// killed.
	commitBytes    = 8 << 20
	commitInterval = time.Second / 2
)

// redrive sends the dead letters of a box back.
type redrive struct {
	*box

	producer  *kgo.Client
	positions kadm.Offsets                // behind the last letter that was read
	sent      *sync.WaitGroup             // letters since the last commit that have no answer
	unsaved   int                         // bytes of letters since then
	began     time.Time                   // when that was
	last      *saving                     // and what became of it
	created   map[string]bool             // topics for what is parked
	tried     map[[2]partition]bool       // from where to which topic a letter was sent
	first     map[partition]chan struct{} // closed when the last of those from there has its answer

	mu     sync.Mutex
	err    error               // of the first letter that could not be written
	failed map[partition]int64 // the first of those in each
}

// saving is a commit that waits for answers, while the next letters are sent.
type saving struct {
	done chan struct{} // closed when it is over
	err  error
}

// partition is one of a dead letter topic.
type partition struct {
	topic  string
	number int32
}

// run redrives what is selected, or only counts it, and adds that to the report.
func (r *redrive) run(ctx context.Context, report *report) (err error) {
	r.positions, r.sent, r.last = make(kadm.Offsets), new(sync.WaitGroup), &saving{done: make(chan struct{})}
	close(r.last.done)
	if r.execute {
		if r.producer, err = r.newProducer(); err != nil {
			return err
		}
		defer r.producer.Close()
		// Where it begins is committed first: who may not do that sends nothing, which would
		// be sent again the next time.
		r.advance(func(s span) int64 { return s.first })
		if err := r.settle(ctx, report); err != nil {
			return err
		}
	}
	err = scan(ctx, r.kafka, r.spans, func(record *kgo.Record) error { return r.take(ctx, record, report) })
	finished := err == nil
	if errors.Is(err, errEnough) {
		err = nil
	}
	if !r.execute {
		return err
	}
	if finished {
		r.advance(func(s span) int64 { return s.end })
	}
	// What was sent is acknowledged and committed, also when the rest failed.
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	settled := r.settle(saving, report)
	return errors.Join(err, settled, r.err)
}

// advance sets the position in each span.
func (r *redrive) advance(to func(span) int64) {
	for topic, partitions := range r.spans {
		for p, s := range partitions {
			r.positions.AddOffset(topic, p, to(s), -1)
		}
	}
}

// take handles one record: it is sent if it is selected and was not sent before. What
// is behind one that could not be written waits for it, as its key's order wants.
func (r *redrive) take(ctx context.Context, record *kgo.Record, report *report) error {
	l, row := r.judgeRecord(record)
	if r.away != nil {
		return r.away
	}
	if first := r.first[partition{record.Topic, record.Partition}]; first != nil {
		if err := answered(ctx, first); err != nil {
			return err
		}
	}
	switch _, waits := r.failure(record.Topic, record.Partition); {
	case row.Outcome != selected:
		report.add(row, l)
	case waits:
		row.Outcome = notWritten
		report.add(row, l)
	case r.max > 0 && report.sent >= r.max:
		return errEnough
	default:
		if err := r.send(ctx, l, row, report); err != nil {
			return err
		}
	}
	if !r.execute {
		return nil
	}
	r.positions.AddOffset(record.Topic, record.Partition, record.Offset+1, -1)
	if r.unsaved += len(record.Value); r.unsaved >= commitBytes || time.Since(r.began) >= commitInterval {
		return r.save(ctx, report)
	}
	return nil
}

// written counts a letter as what became of it.
func (r *redrive) written(row row, l *Letter, err error, report *report) {
	if err != nil {
		at := partition{l.Topic, l.Partition}
		r.mu.Lock()
		r.err = cmp.Or(r.err, fmt.Errorf("%s: write to %s: %w: it and what is behind it in its partition stay; select others with --class, --reason or --key, or send it elsewhere with --to",
			l.place(), cell(row.To), err))
		if first, ok := r.failed[at]; !ok || l.Offset < first {
			r.failed[at] = l.Offset
		}
		r.mu.Unlock()
		row.Outcome = notWritten
	}
	report.add(row, l)
}

// failure returns the first letter of a partition that could not be written.
func (r *redrive) failure(topic string, p int32) (offset int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	offset, ok = r.failed[partition{topic, p}]
	return offset, ok
}

// wait waits until the commit is made.
func (s *saving) wait(ctx context.Context) error {
	if err := answered(ctx, s.done); err != nil {
		return err
	}
	return s.err
}

func answered(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("not all was acknowledged: %w", context.Cause(ctx))
	}
}

// save begins a commit of what was sent, which comes when all of it is acknowledged or
// refused, and waits for the one before.
func (r *redrive) save(ctx context.Context, report *report) error {
	before, now, sent, positions := r.last, &saving{done: make(chan struct{})}, r.sent, make(kadm.Offsets)
	r.positions.Each(positions.Add)
	go func() {
		defer close(now.done)
		<-before.done
		sent.Wait()
		for _, consumer := range r.groups {
			now.err = cmp.Or(now.err, r.commit(context.WithoutCancel(ctx), r.selection.groupOf(consumer), positions))
		}
	}()
	r.last, r.sent, r.unsaved, r.began = now, new(sync.WaitGroup), 0, time.Now()
	report.progress()
	return before.wait(ctx)
}

// settle commits what was sent, and waits for that: also for what the commit before left.
func (r *redrive) settle(ctx context.Context, report *report) error {
	_ = r.save(ctx, report)
	return r.last.wait(ctx)
}

// commit commits the positions, in each partition up to the first letter that was not
// written. Those that are behind what a group has stay: whoever stops early has not come
// to these again.
func (r *redrive) commit(ctx context.Context, group string, positions kadm.Offsets) error {
	var before kadm.OffsetResponses
	for _, d := range r.done {
		if d.name == group {
			before = d.offsets
		}
	}
	ahead := make(kadm.Offsets)
	positions.Each(func(o kadm.Offset) {
		if first, ok := r.failure(o.Topic, o.Partition); ok {
			o.At = min(o.At, first)
		}
		if had, ok := before.Lookup(o.Topic, o.Partition); !ok || had.At < o.At {
			o.Metadata = r.selection.text()
			ahead.Add(o)
		}
	})
	if len(ahead) == 0 {
		return nil
	}
	if err := r.admin.CommitAllOffsets(ctx, group, ahead); err != nil {
		return explain(r.kafka, fmt.Errorf("commit of group %q: %w", group, err))
	}
	return nil
}

// send sends a letter, or only counts it. The first from a partition to a topic is waited
// for: it may be the one that failed the last time, or the topic may be gone, and what is
// behind it would be sent once more.
func (r *redrive) send(ctx context.Context, l *Letter, row row, report *report) error {
	report.sent++
	target, becomes := r.target(l)
	to := recordOf(target)
	row.To, row.Outcome = to.Topic, becomes
	if !r.execute {
		report.add(row, l)
		return nil
	}
	if becomes == parked && !r.created[to.Topic] {
		if err := kafka.CreateParked(ctx, r.admin, to.Topic, l.Topic); err != nil {
			r.written(row, l, err, report)
			return nil
		}
		r.created[to.Topic] = true
	}
	if err := r.wait(ctx); err != nil {
		return err
	}
	at, sent := partition{l.Topic, l.Partition}, r.sent
	way := [2]partition{at, {topic: to.Topic}}
	var first chan struct{}
	if !r.tried[way] {
		first = make(chan struct{})
		r.tried[way], r.first[at] = true, first
	}
	sent.Add(1)
	// It ends by itself, within answerTimeout.
	r.producer.Produce(context.WithoutCancel(ctx), to, func(_ *kgo.Record, err error) {
		r.written(row, l, err, report)
		sent.Done()
		if first != nil {
			close(first)
		}
	})
	return nil
}

// newProducer returns a client that writes to the partition a message came from, so
// that it meets the later ones of its key, whoever chose that partition and how. A letter
// that was sent and has no answer is given up in time, too.
func (r *redrive) newProducer() (*kgo.Client, error) {
	return kafka.NewProducer(r.kafka, kgo.RecordPartitioner(byPartition{kgo.StickyKeyPartitioner(nil)}), kgo.UnknownTopicRetries(8),
		kgo.RecordDeliveryTimeout(answerTimeout), kgo.AllowIdempotentProduceCancellation(), kgo.ProducerLinger(0))
}

// byPartition takes the partition that a record has, and by its key if there is none.
type byPartition struct{ kgo.Partitioner }

func (b byPartition) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{b.Partitioner.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

func (t topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

func (t topicPartitioner) Partition(r *kgo.Record, n int) int {
	if p := int(r.Partition); p >= 0 && p < n {
		return p
	}
	return t.TopicPartitioner.Partition(r, n)
}
