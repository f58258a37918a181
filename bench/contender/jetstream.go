package contender

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byJetStream is the loop of nats.go's own examples: a durable consumer, each message
// acknowledged when it is handled, one after the other or by as many goroutines as there
// are workers, in no order. With partitions, each has such a consumer of its own.
func byJetStream(partitions int) contender {
	return func(ctx context.Context, s settings, m *meter.Meter) error {
		conn, err := nats.Connect(s.nats)
		if err != nil {
			return err
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			return err
		}
		give, wait := inGoroutines(s.workers, func(msg jetstream.Msg) {
			m.Handle(-1, msg.Data())
			_ = msg.Ack() // the scenario looks for what is not acknowledged
		})
		var all []jetstream.ConsumeContext
		for p := range max(partitions, 1) {
			durable := jetstream.ConsumerConfig{Durable: fmt.Sprintf("%s-%d", s.group, p), AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1}
			if partitions > 0 {
				durable.FilterSubject = fmt.Sprintf("%s.%d", s.topic, p)
			}
			consumer, err := js.CreateConsumer(ctx, s.topic, durable)
			if err != nil {
				return err
			}
			consuming, err := consumer.Consume(give)
			if err != nil {
				return err
			}
			all = append(all, consuming)
		}
		<-ctx.Done()
		for _, consuming := range all {
			consuming.Drain()
			<-consuming.Closed()
		}
		wait()
		return conn.Flush()
	}
}

// inGoroutines returns a function that has one of n goroutines call handle, or calls it
// itself if n is 0, and one that awaits the last call.
func inGoroutines[T any](n int, handle func(T)) (give func(T), wait func()) {
	if n == 0 {
		return handle, func() {}
	}
	work := make(chan T)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for one := range work {
				handle(one)
			}
		})
	}
	return func(one T) { work <- one }, func() {
		close(work)
		all.Wait()
	}
}
