package contender

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/bench/meter"
)

// bySarama is the loop of sarama's own examples: a goroutine a partition, each
// message marked when it is handled, marks committed each second.
func bySarama(d decode) contender {
	return func(ctx context.Context, s settings, m *meter.Meter) error {
		return consume(ctx, s, func(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
			for {
				select {
				case msg, ok := <-sc.Messages():
					if !ok {
						return nil
					}
					if err := d(msg.Value); err != nil {
						return err
					}
					m.Handle(msg.Partition, msg.Value)
					cs.MarkMessage(msg, "")
				case <-cs.Context().Done():
					return nil
				}
			}
		})
	}
}

// saramaGoroutines is what so many goroutines can do at best: they take
// messages as they come, in no order, and nobody asks which of them are done.
func saramaGoroutines(ctx context.Context, s settings, m *meter.Meter) error {
	work := make(chan *sarama.ConsumerMessage)
	var wg sync.WaitGroup
	for range s.workers {
		wg.Go(func() {
			for msg := range work {
				m.Handle(msg.Partition, msg.Value)
			}
		})
	}
	err := consume(ctx, s, func(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
		for {
			select {
			case msg, ok := <-sc.Messages():
				if !ok {
					return nil
				}
				work <- msg
				cs.MarkMessage(msg, "")
			case <-cs.Context().Done():
				return nil
			}
		}
	})
	close(work)
	wg.Wait()
	return err
}

func consume(ctx context.Context, s settings, claim claimFunc) error {
	c := sarama.NewConfig()
	c.Version = sarama.V2_8_0_0
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = time.Second
	group, err := sarama.NewConsumerGroup(s.brokers, s.group, c)
	if err != nil {
		return err
	}
	for ctx.Err() == nil && err == nil {
		err = group.Consume(ctx, []string{s.topic}, claim)
	}
	if closing := group.Close(); err == nil {
		err = closing
	}
	return err
}

// claimFunc lets a function be sarama's handler.
type claimFunc func(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim) error

func (claimFunc) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (claimFunc) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (f claimFunc) ConsumeClaim(cs sarama.ConsumerGroupSession, sc sarama.ConsumerGroupClaim) error {
	return f(cs, sc)
}
