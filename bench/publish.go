package main

import (
	"context"
	"fmt"
)

const (
	oursPublish     = "forge-publish" // an envelope for each event
	oursPublishMade = "forge-publish-made"
	barePublish     = "sarama-publish"
)

// publishers are what the table compares.
var publishers = []struct{ name, title, acks string }{
	{barePublish, "sarama's AsyncProducer, bytes made beforehand", "the leader"},
	{"sarama-publish-safe", "the same, idempotent", "all replicas"},
	{oursPublishMade, "**forge**, bytes made beforehand", "all replicas"},
	{"sarama-publish-json", "sarama's AsyncProducer, envelope by encoding/json", "the leader"},
	{oursPublish, "**forge**, envelope", "all replicas"},
}

// publishing is how many events of 1 KiB get through to the broker, by
// callbacks.
func (b *bench) publishing(ctx context.Context) error {
	const messages = 300_000
	name := b.newName("bench-publish")
	var jobs []job
	for _, who := range publishers {
		j := job{name: who.name, topic: name, messages: messages}
		if who.name == oursPublishMade {
			j.env = []string{"BENCH_CODEC=none"}
		}
		jobs = append(jobs, j)
	}
	rounds := map[string][]figures{}
	for range b.rounds {
		for _, j := range jobs {
			if err := b.fresh(ctx, name, 6); err != nil {
				return err
			}
			f, err := b.run(ctx, j)
			if err != nil {
				return err
			}
			rounds[j.name] = append(rounds[j.name], f)
		}
	}
	b.drop(ctx, name)
	against := median(rounds[barePublish])
	t := newTable("1 KiB events, asynchronously", "acknowledged by", "events/s", "to bare sarama", "in each round", "CPU us/event", "allocs/event", "MiB")
	for _, who := range publishers {
		v := median(rounds[who.name])
		low, high := spread(rounds[who.name], rounds[barePublish])
		t.add(who.title, who.acks, thousands(v.rate), fmt.Sprintf("%.2f", v.rate/against.rate), fmt.Sprintf("%.2f to %.2f", low, high),
			fmt.Sprintf("%.1f", v.cpu), fmt.Sprintf("%.1f", v.allocs), fmt.Sprintf("%.0f", v.mib))
	}
	return b.publish("publish", t.String()+b.weather())
}

// spread returns the least and the most of a contender's rates as a part of
// the other's in the same round.
func spread(rates, others []figures) (low, high float64) {
	for i, f := range rates {
		part := f.rate / others[i].rate
		if i == 0 {
			low, high = part, part
		}
		low, high = min(low, part), max(high, part)
	}
	return low, high
}
