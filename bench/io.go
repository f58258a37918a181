package main

import (
	"context"
	"fmt"
)

const goroutines = "sarama-goroutines"

// io is a handler that takes 5 ms, as one that asks a database would, and what
// as many bare goroutines reach.
func (b *bench) io(ctx context.Context) error {
	t := newTable("5 ms of I/O in the handler", "keys", "messages", "messages/s", "to bare goroutines", "CPU us/message", "MiB")
	for _, at := range []struct {
		workers int
		topic   topic
	}{
		{100, topic{60_000, 1_000, 6}},
		{1_000, topic{500_000, 1_000, 6}},
		{10_000, topic{500_000, 100_000, 6}},
	} {
		name, err := b.fill(ctx, at.topic)
		if err != nil {
			return err
		}
		env := []string{"BENCH_SLEEP=5ms", fmt.Sprintf("MAX_WORKERS=%d", at.workers)}
		var jobs []job
		for _, who := range []string{goroutines, oursMethod} {
			jobs = append(jobs, job{name: who, topic: name, messages: at.topic.messages, env: env})
		}
		all, err := b.interleave(ctx, jobs)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			title := fmt.Sprintf("**forge**, %s workers, order by key", comma(at.workers))
			if j.name == goroutines {
				title = fmt.Sprintf("%s bare goroutines on sarama, no order", comma(at.workers))
			}
			v := all[j.name]
			t.add(title, comma(at.topic.keys), comma(at.topic.messages), thousands(v.rate),
				fmt.Sprintf("%.2f", v.rate/all[goroutines].rate), fmt.Sprintf("%.1f", v.cpu), fmt.Sprintf("%.0f", v.mib))
		}
	}
	return b.publish("io", t.String()+b.weather())
}
