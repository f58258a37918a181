package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/payload"
)

const (
	paceRate = 1_000
	paceFor  = 20 * time.Second
	paceKeys = 1_000
)

// latency is the time from a message's making to its handler, at a thousand a
// second.
func (b *bench) latency(ctx context.Context) error {
	t := newTable("1,000 messages/s for 20 s", "run", "p50 ms", "p99 ms", "max ms")
	for round := range b.rounds {
		for _, who := range []string{bare, oursMethod} {
			f, err := b.paced(ctx, job{name: who}, nil)
			if err != nil {
				return err
			}
			title := "sarama, no decode"
			if who == oursMethod {
				title = "**forge**"
			}
			t.add(title, strconv.Itoa(round+1), millis(f.p50), millis(f.p99), millis(f.max))
		}
	}
	return b.publish("latency", t.String()+b.weather())
}

// neighbours is one partition whose messages take 50 ms each, and of which
// there are more than can be handled, beside five quick ones.
func (b *bench) neighbours(ctx context.Context) error {
	t := newTable("five quick partitions, 1,000 messages/s", "run", "p50 ms", "p99 ms", "max ms")
	for round := range b.rounds {
		for _, slow := range []bool{false, true} {
			j, title, before := job{name: oursMethod}, "alone", func(string) error { return nil }
			if slow {
				title = "beside one with a backlog, 50 ms a message"
				j.env = []string{"BENCH_SLOW=50ms"}
				before = func(topic string) error { return b.produce(ctx, topic, 0, 20_000) }
			}
			f, err := b.paced(ctx, j, before)
			if err != nil {
				return err
			}
			t.add(title, strconv.Itoa(round+1), millis(f.p50), millis(f.p99), millis(f.max))
		}
	}
	return b.publish("neighbours", t.String()+b.weather())
}

// paced runs a job that measures latencies while messages are produced at an
// even pace: to all partitions, or, when before is given, which fills
// partition 0, to the others only.
func (b *bench) paced(ctx context.Context, j job, before func(topic string) error) (figures, error) {
	j.topic = b.newName("bench-paced")
	if err := b.fresh(ctx, j.topic, 6); err != nil {
		return figures{}, err
	}
	defer b.drop(ctx, j.topic)
	j.env = append(j.env, "BENCH_LATENCY=1")
	p, err := b.start(ctx, j)
	if err != nil {
		return figures{}, err
	}
	if err := b.warmUp(ctx, p, j.topic, 1); err != nil {
		_, _ = p.stop()
		return figures{}, err
	}
	if before != nil {
		if err := before(j.topic); err != nil {
			_, _ = p.stop()
			return figures{}, err
		}
	}
	b.pace(ctx, j.topic, before != nil)
	measured, err := p.stop()
	if err != nil {
		return figures{}, err
	}
	f := newFigures(measured)
	b.logf("  %-24s p50 %s p99 %s max %s ms of %d", j.name, millis(f.p50), millis(f.p99), millis(f.max), measured.Messages)
	return f, nil
}

// warmUp sends messages until the process says that it got one, and then waits
// until it measures.
func (b *bench) warmUp(ctx context.Context, p *process, topic string, partition int32) error {
	const patience = time.Minute
	deadline := time.After(patience)
	for {
		if err := b.produce(ctx, topic, partition, 1); err != nil {
			return err
		}
		select {
		case <-p.first:
			time.Sleep(1500 * time.Millisecond)
			return nil
		case <-deadline:
			return fmt.Errorf("no message was handled within %v: %s", patience, p.stderr.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// produce writes so many messages to one partition and waits for the broker.
func (b *bench) produce(ctx context.Context, topic string, partition int32, messages int) error {
	source := payload.NewSource(seed, paceKeys)
	var records []*kgo.Record
	for range messages {
		key, value := source.At(time.Now())
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value})
	}
	return b.pacer.ProduceSync(ctx, records...).FirstErr()
}

// pace writes messages at an even pace, each stamped when
// it is made, and returns a moment after the last.
func (b *bench) pace(ctx context.Context, topic string, spareFirst bool) {
	source := payload.NewSource(seed, paceKeys)
	began := time.Now()
	for i := range int(paceFor.Seconds() * paceRate) {
		time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / paceRate)))
		partition := int32(i % 6)
		if spareFirst {
			partition = int32(1 + i%5)
		}
		key, value := source.At(time.Now())
		b.pacer.Produce(ctx, &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value}, nil)
	}
	_ = b.pacer.Flush(ctx)
	time.Sleep(500 * time.Millisecond)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }
