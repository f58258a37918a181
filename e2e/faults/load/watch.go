package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// Observer asks the brokers, beside the service.
type Observer struct {
	Client *kgo.Client
	Admin  *kadm.Client
}

// NewObserver connects an observer.
func NewObserver(brokers []string) (*Observer, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.MetadataMaxAge(2*time.Second), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RequestTimeoutOverhead(3*time.Second), kgo.RetryTimeout(20*time.Second))
	if err != nil {
		return nil, err
	}
	return &Observer{client, kadm.NewClient(client)}, nil
}

// Watch notes what a group commits of a topic, and how long a commit takes, four
// times a second until ctx ends. Both are there once it has.
type Watch struct {
	mu      sync.Mutex
	samples []oracle.Sample
	last    map[oracle.Place]int64
	slowest time.Duration
	wg      sync.WaitGroup
}

// Watch begins a watch.
func (o *Observer) Watch(ctx context.Context, group string, topics ...string) *Watch {
	w := &Watch{last: map[oracle.Place]int64{}}
	w.wg.Go(func() { often(ctx, func() { w.look(ctx, o, group, topics) }) })
	w.wg.Go(func() { often(ctx, func() { w.commit(ctx, o, group+".watch", topics[0]) }) })
	return w
}

// often calls do four times a second until ctx ends.
func often(ctx context.Context, do func()) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// patience bounds what counts as the machine being slow: whatever takes longer,
// a broker is gone.
const patience = 3 * time.Second

// commit measures a commit of a group of its own, whatever comes of it.
func (w *Watch) commit(ctx context.Context, o *Observer, group, topic string) {
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 0, -1)
	began := time.Now()
	_ = o.Admin.CommitAllOffsets(short, group, offsets)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slowest = max(w.slowest, time.Since(began))
}

// Slowest returns how long a commit took at most, once the watch has ended.
func (w *Watch) Slowest() time.Duration {
	w.wg.Wait()
	return w.slowest
}

func (w *Watch) look(ctx context.Context, o *Observer, group string, topics []string) {
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	offsets, err := o.Admin.FetchOffsetsForTopics(short, group, topics...)
	if err != nil {
		return // the broker that knows is away
	}
	at := time.Now().UnixNano()
	w.mu.Lock()
	defer w.mu.Unlock()
	offsets.Each(func(r kadm.OffsetResponse) {
		place := oracle.Place{Topic: r.Topic, Partition: r.Partition}
		if last, ok := w.last[place]; r.Err != nil || r.At < 0 || ok && last == r.At {
			return
		}
		w.last[place] = r.At
		w.samples = append(w.samples, oracle.Sample{Place: place, Offset: r.At, At: at})
	})
}

// Forget drops what was seen so far: it was of a topic that is no more.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples, w.last = nil, map[oracle.Place]int64{}
}

// Highest returns the highest offset that was ever seen committed.
func (w *Watch) Highest() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var most int64
	for _, s := range w.samples {
		most = max(most, s.Offset)
	}
	return most
}

// Samples returns what was seen once the watch has ended.
func (w *Watch) Samples() []oracle.Sample {
	w.wg.Wait()
	return w.samples
}

// Lag returns how many messages of the topics the group has not committed.
func (o *Observer) Lag(ctx context.Context, group string, topics ...string) (int64, error) {
	ends, err := o.Admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return 0, err
	}
	starts, err := o.Admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return 0, err
	}
	committed, err := o.Admin.FetchOffsetsForTopics(ctx, group, topics...)
	if err != nil {
		return 0, err
	}
	var lag int64
	var errs []error
	ends.Each(func(end kadm.ListedOffset) {
		if end.Err != nil {
			errs = append(errs, end.Err)
			return
		}
		var from int64
		if start, ok := starts.Lookup(end.Topic, end.Partition); ok {
			from = start.Offset
		}
		if c, ok := committed.Lookup(end.Topic, end.Partition); ok && c.At >= 0 {
			from = c.At
		}
		lag += end.Offset - from
		if from > end.Offset {
			errs = append(errs, fmt.Errorf("%s/%d: committed %d is above the log's end %d", end.Topic, end.Partition, from, end.Offset))
		}
	})
	return lag, errors.Join(errs...)
}

// AwaitLag waits until the group has committed everything.
func (o *Observer) AwaitLag(ctx context.Context, group string, topics ...string) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var lag int64 // by the last answer
	for {
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		now, err := o.Lag(short, group, topics...)
		cancel()
		if err == nil && now == 0 {
			return nil
		}
		if err == nil {
			lag = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the lag is still %d: %w", lag, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}

// All returns every record of a topic, as it is now.
func (o *Observer) All(ctx context.Context, topic string) ([]*kgo.Record, error) {
	ends, err := o.Admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	starts, err := o.Admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if end.Offset > start.Offset {
			from[end.Partition] = kgo.NewOffset().At(start.Offset)
			left[end.Partition] = end.Offset
		}
	})
	if len(from) == 0 {
		return nil, nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(o.Client.OptValue(kgo.SeedBrokers).([]string)...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchMaxWait(200*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []*kgo.Record
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return all, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all = append(all, r)
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return all, nil
}
