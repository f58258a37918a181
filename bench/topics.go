package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/payload"
)

const (
	seed = 4
	// batchBytes bounds what the producer puts into one batch: consumers read
	// whole batches, and a busy producer's are of this order.
	batchBytes = 64 << 10
)

// topic is one that a scenario reads. Its name says what is in it, so one that
// is there already is used again.
type topic struct {
	messages, keys, partitions int
}

func (t topic) name() string { return fmt.Sprintf("bench-%d-%d-%d", t.messages, t.keys, t.partitions) }

// fill makes the topic and its messages unless that was done before.
func (b *bench) fill(ctx context.Context, t topic) (string, error) {
	name := t.name()
	if b.filled[name] {
		return name, nil
	}
	if err := b.fresh(ctx, name, t.partitions); err != nil {
		return "", err
	}
	source := payload.NewSource(seed, t.keys)
	var failed atomic.Pointer[error]
	for range t.messages {
		key, value := source.Next()
		b.client.Produce(ctx, &kgo.Record{Topic: name, Key: key, Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := b.client.Flush(ctx); err != nil {
		return "", err
	}
	if err := failed.Load(); err != nil {
		return "", fmt.Errorf("fill topic %s: %w", name, *err)
	}
	b.filled[name] = true
	return name, nil
}

// fresh makes an empty topic, in place of one that has its name.
func (b *bench) fresh(ctx context.Context, name string, partitions int) error {
	_, _ = b.admin.DeleteTopic(ctx, name)
	var err error
	for range 50 { // deleting goes on after it was confirmed
		if _, err = b.admin.CreateTopic(ctx, int32(partitions), 1, nil, name); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("create topic %s: %w", name, err)
}

// drop gives a large topic's disk back.
func (b *bench) drop(ctx context.Context, name string) {
	_, _ = b.admin.DeleteTopics(ctx, name, name+".dlq")
	delete(b.filled, name)
}

func (b *bench) connect() (err error) {
	b.client, err = kgo.NewClient(
		kgo.SeedBrokers(b.brokers...), kgo.ProducerBatchMaxBytes(batchBytes), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(20_000),
	)
	if err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
	b.pacer, err = kgo.NewClient(
		kgo.SeedBrokers(b.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	return err
}
