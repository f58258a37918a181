package main

import (
	"context"
	"fmt"
	"time"
)

// quiet is a topic with one message a second: how long until it is handled,
// and until it is committed. The commit interval is the default, a second.
func (b *bench) quiet(ctx context.Context) error {
	const (
		messages = 15
		poll     = 10 * time.Millisecond
	)
	name := b.newName("bench-quiet")
	if err := b.fresh(ctx, name, 1); err != nil {
		return err
	}
	defer b.drop(ctx, name)
	p, err := b.start(ctx, job{name: oursMethod, topic: name, env: []string{"BENCH_LATENCY=1"}})
	if err != nil {
		return err
	}
	if err := b.warmUp(ctx, p, name, 0); err != nil {
		_, _ = p.stop()
		return err
	}
	var slowest time.Duration
	for i := range messages {
		// Not a multiple of the commit interval, to meet it at all its times.
		next := time.Now().Add(time.Second + time.Duration(i)*67*time.Millisecond%time.Second)
		sent := time.Now()
		if err := b.produce(ctx, name, 0, 1); err != nil {
			return err
		}
		end, err := b.endOffset(ctx, name)
		if err != nil {
			return err
		}
		for b.committed(ctx, p.group, name) < end {
			if time.Since(sent) > 10*time.Second {
				return fmt.Errorf("message %d was not committed within 10 s", i)
			}
			time.Sleep(poll)
		}
		slowest = max(slowest, time.Since(sent))
		time.Sleep(time.Until(next))
	}
	measured, err := p.stop()
	if err != nil {
		return err
	}
	f := newFigures(measured)
	t := newTable("one message a second, commit interval 1 s", "")
	t.add("produced to committed, slowest of 15", fmt.Sprintf("%.2f s", slowest.Seconds()))
	t.add("produced to handled, p50", millis(f.p50)+" ms")
	t.add("produced to handled, slowest", millis(f.max)+" ms")
	return b.publish("quiet", t.String())
}

func (b *bench) endOffset(ctx context.Context, topic string) (int64, error) {
	offsets, err := b.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	end, _ := offsets.Lookup(topic, 0)
	return end.Offset, end.Err
}

// committed is what the group has committed of partition 0, or -1.
func (b *bench) committed(ctx context.Context, group, topic string) int64 {
	offsets, err := b.admin.FetchOffsets(ctx, group)
	if err != nil {
		return -1
	}
	if o, ok := offsets.Lookup(topic, 0); ok {
		return o.At
	}
	return -1
}
