package contender

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// byJetStream is the loop of nats.go's own examples: a durable consumer, each message
// acknowledged when it is handled, one after the other or by as many goroutines as there
// are workers, in no order.
func byJetStream(ctx context.Context, s settings, m *meter.Meter) error {
	conn, err := nats.Connect(s.nats)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, s.topic, jetstream.ConsumerConfig{Durable: s.group, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: -1})
	if err != nil {
		return err
	}
	handle := func(msg jetstream.Msg) {
		m.Handle(-1, msg.Data())
		_ = msg.Ack() // the scenario looks for what is not acknowledged
	}
	give, wait := inGoroutines(s.workers, handle)
	consuming, err := consumer.Consume(give)
	if err != nil {
		return err
	}
	<-ctx.Done()
	consuming.Drain()
	<-consuming.Closed()
	wait()
	return conn.Flush()
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
