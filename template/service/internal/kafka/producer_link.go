package kafka

import (
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/singleflight"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
)

// metadataTimeout bounds one question for a topic's leaders, with the client's
// own repetitions.
const metadataTimeout = 10 * time.Second

// link is the publisher's connection to the cluster. It is made when it is
// first needed, and mended by the client from then on.
type link struct {
	dial  func() (sarama.Client, error)
	calls singleflight.Group // those who need the same at the same time wait for one

	mu       sync.Mutex
	client   sarama.Client
	codec    sarama.CompressionCodec
	closed   bool
	producer *producerID     // the latest
	hangUps  map[int32]int64 // how often a broker's connection was given up
}

func newLink(cfg config.Kafka) *link {
	k := &link{hangUps: make(map[int32]int64)}
	k.dial = func() (sarama.Client, error) {
		c, err := producerConfig(cfg)
		if err != nil {
			return nil, err
		}
		return sarama.NewClient(cfg.Brokers, c)
	}
	return k
}

// producerConfig returns the client's settings for publishing.
func producerConfig(cfg config.Kafka) (*sarama.Config, error) {
	c, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.Metadata.Timeout = metadataTimeout
	if err := c.Producer.Compression.UnmarshalText([]byte(cfg.Compression)); cfg.Compression != "" && err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// connect returns the client.
func (k *link) connect() (sarama.Client, error) {
	k.mu.Lock()
	client, closed := k.client, k.closed
	k.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case client != nil:
		return client, nil
	}
	c, err, _ := k.calls.Do("", func() (any, error) {
		c, err := k.dial()
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.closed {
			return nil, errors.Join(ErrClosed, c.Close())
		}
		k.client, k.codec = c, c.Config().Producer.Compression
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return c.(sarama.Client), nil
}

func (k *link) close() {
	k.mu.Lock()
	client := k.client
	k.closed = true
	k.mu.Unlock()
	if client != nil {
		_ = closing(client) // it can only say that it was closed before
	}
}

// partitions returns how many partitions a topic has.
func (k *link) partitions(topic string) (int, error) {
	client, err := k.connect()
	if err != nil {
		return 0, err
	}
	all, err := client.Partitions(topic)
	if err == nil && len(all) == 0 {
		err = sarama.ErrLeaderNotAvailable
	}
	return len(all), err
}

// connection returns which of a broker's connections is the present one.
func (k *link) connection(b *sarama.Broker) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hangUps[b.ID()]
}

// hangUp ends a broker's connection, unless that was done since: all who had a
// request on it are told that it failed, and only the first may end it.
func (k *link) hangUp(b *sarama.Broker, connection int64) {
	k.mu.Lock()
	if k.hangUps[b.ID()] != connection {
		k.mu.Unlock()
		return
	}
	k.hangUps[b.ID()]++
	k.mu.Unlock()
	_ = b.Close() // it can only say that it is closed
}
