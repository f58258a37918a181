package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Ready implements publisher.Transport. One broker that does not answer
// says nothing of the others, to which its partitions go.
func (p *producer) Ready(ctx context.Context) error {
	client, err := p.client()
	if err != nil {
		return err
	}
	brokers := client.DiscoveredBrokers()
	if len(brokers) == 0 { // nothing was published yet
		brokers = client.SeedBrokers()
	}
	answers := make(chan error, len(brokers))
	for _, b := range brokers {
		go func() {
			asking, stop := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout) // its connection is for the next time
			defer stop()
			_, err := b.Request(asking, kmsg.NewPtrApiVersionsRequest())
			answers <- err
		}()
	}
	for range brokers {
		select {
		case err = <-answers:
			if err == nil {
				return nil
			}
		case <-ctx.Done():
			return Explain(p.cfg, ctx.Err())
		}
	}
	return Explain(p.cfg, err)
}
