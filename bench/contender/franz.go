package contender

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byFranz is franz-go's own example of a goroutine a partition, with marks
// that are committed each second.
func byFranz(d decode) contender {
	return func(ctx context.Context, s settings, m *meter.Meter) error {
		f := &franz{decode: d, meter: m, partitions: map[int32]chan []*kgo.Record{}}
		client, err := kgo.NewClient(
			kgo.SeedBrokers(s.brokers...), kgo.ConsumerGroup(s.group), kgo.ConsumeTopics(s.topic),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.AutoCommitMarks(), kgo.AutoCommitInterval(time.Second),
			kgo.BlockRebalanceOnPoll(), kgo.OnPartitionsRevoked(f.revoked), kgo.OnPartitionsLost(f.revoked),
		)
		if err != nil {
			return err
		}
		defer client.CloseAllowingRebalance()
		f.client = client
		for ctx.Err() == nil {
			fetches := client.PollRecords(ctx, 10_000)
			fetches.EachPartition(func(p kgo.FetchTopicPartition) { f.give(p.Partition, p.Records) })
			client.AllowRebalance()
		}
		f.revoked(ctx, client, nil)
		return client.CommitMarkedOffsets(context.WithoutCancel(ctx))
	}
}

// franz has a goroutine for each partition that had messages.
type franz struct {
	decode decode
	meter  *meter.Meter
	client *kgo.Client

	mu         sync.Mutex
	partitions map[int32]chan []*kgo.Record
	wg         sync.WaitGroup
}

func (f *franz) give(partition int32, records []*kgo.Record) {
	f.mu.Lock()
	ch, ok := f.partitions[partition]
	if !ok {
		ch = make(chan []*kgo.Record, 5)
		f.partitions[partition] = ch
		f.wg.Go(func() { f.handle(ch) })
	}
	f.mu.Unlock()
	ch <- records
}

func (f *franz) handle(ch chan []*kgo.Record) {
	for records := range ch {
		for _, r := range records {
			if f.decode(r.Value) != nil {
				return
			}
			f.meter.Handle(r.Partition, r.Value)
		}
		f.client.MarkCommitRecords(records...)
	}
}

// revoked waits until what was taken is handled.
func (f *franz) revoked(context.Context, *kgo.Client, map[string][]int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for partition, ch := range f.partitions {
		close(ch)
		delete(f.partitions, partition)
	}
	f.wg.Wait()
}
