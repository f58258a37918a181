package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// TestThePublisherIsReadyWhileABrokerAnswers: not while all hang, and not once it is
// closed; one that hangs changes nothing.
func TestThePublisherIsReadyWhileABrokerAnswers(t *testing.T) {
	t.Parallel()
	var brokers []*frozen
	c := startCluster(t, kfake.NumBrokers(2), kfake.SeedTopics(2, "payments"), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		brokers = append(brokers, new(frozen))
		l, err := (&net.ListenConfig{}).Listen(t.Context(), network, address)
		return frozenListener{l, brokers[len(brokers)-1]}, err
	}))
	p := newPublisher(t, settings(t, c))
	ready := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return p.Ready(ctx)
	}
	const long = 10 * time.Second
	if err := ready(long); err != nil {
		t.Errorf("before the first message: %v", err)
	}
	if err := p.Send(t.Context(), &message.Message{Topic: "payments", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	brokers[0].freeze()
	if err := ready(long); err != nil {
		t.Errorf("with one that answers: %v", err)
	}
	brokers[1].freeze()
	if err := ready(300 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "no connection to Kafka at "+c.ListenAddrs()[0]) {
		t.Errorf("with none that answers: %v", err)
	}
	brokers[1].resume()
	eventually(t, "ready again", func() bool { return ready(long) == nil })
	brokers[0].resume()
	if err := p.Close(time.Second); err != nil {
		t.Error(err)
	}
	if err := ready(long); !errors.Is(err, publisher.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}
