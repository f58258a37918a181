package contender

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byShareGroup is franz-go as a member of a share group: each record accepted when it is
// handled, one after the other. With workers it is the most that can be had of so many
// goroutines: the next poll accepts what they have not done yet.
func byShareGroup(ctx context.Context, s settings, m *meter.Meter) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ShareGroup(s.group), kgo.ConsumeTopics(s.topic))
	if err != nil {
		return err
	}
	defer client.Close()
	give, wait := inGoroutines(s.workers, func(r *kgo.Record) {
		m.Handle(r.Partition, r.Value)
		r.Ack(kgo.AckAccept)
	})
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(give)
	}
	wait()
	return client.FlushAcks(context.WithoutCancel(ctx))
}
