package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var (
	// ErrClosed is returned by a Publisher after Close.
	ErrClosed = errors.New("publisher is closed")
	// ErrTooLarge is returned for a message that the topic does not take,
	// however often it is tried.
	ErrTooLarge = errors.New("message is too large for the topic")
)

const (
	// batchBytes bounds what is sent to a partition at once. It lies below
	// the 1 MiB that a topic takes by default, so that small messages
	// together are not refused for their size.
	batchBytes = 1_000_000
	// soloBytes bounds a message sent alone: what a request can carry at all.
	soloBytes = 100<<20 - 1<<16

	publishRetries    = 10
	publishBackoff    = 50 * time.Millisecond
	publishMaxBackoff = time.Second
)

// Publisher writes messages to topics: idempotently, acknowledged by all
// in-sync replicas, and with the key deciding the partition as Java's client
// has it. It connects when it is first needed, and again after a failure. Its
// methods may be called from many goroutines; messages that wait for the broker
// at the same time travel together.
type Publisher struct {
	batch *slot // messages travel together
	solo  *slot // each message travels alone: those that are large, or were refused in company
}

// NewPublisher returns a publisher. It does not connect yet.
func NewPublisher(cfg config.Kafka, log *slog.Logger) *Publisher {
	logTo(log)
	return &Publisher{
		batch: newSlot(cfg, batchBytes, 0),
		solo:  newSlot(cfg, soloBytes, 1),
	}
}

// Publish writes m and returns once the broker acknowledged it. It sets m's
// Partition and its Offset, which is -1 when an earlier attempt whose answer
// was lost had written m already. A zero Time is now.
//
// The error is ErrTooLarge when no attempt can help, and otherwise tells what
// the broker or the connection said. When ctx ends first, m may still be
// written, and its bytes must not be changed after that either.
func (p *Publisher) Publish(ctx context.Context, m *message.Message) error {
	size := producerMessage(m).ByteSize(2)
	if size > soloBytes {
		return fmt.Errorf("publish to %s: %w: %d bytes", m.Topic, ErrTooLarge, size)
	}
	err := ErrTooLarge
	if size <= batchBytes {
		err = p.batch.send(ctx, m)
	}
	if errors.Is(err, ErrTooLarge) {
		// A batch is refused as a whole, so m may have been refused for
		// the company it was in.
		err = p.solo.send(ctx, m)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrTooLarge):
		return fmt.Errorf("publish to %s: %w", m.Topic, err)
	}
	// A handler that returns this as it is wants its message again, once the
	// broker is back, and not in the dead letters.
	return message.Retry(fmt.Errorf("publish to %s: %w", m.Topic, err))
}

// Close waits until what is being published has been answered, for as long as
// a drain may take, and disconnects. Publish returns ErrClosed from now on.
func (p *Publisher) Close() error {
	solo := make(chan error, 1)
	go func() { solo <- p.solo.close() }()
	return errors.Join(p.batch.close(), <-solo)
}

// producerConfig returns the settings of a producer that sends at most bytes,
// and messages when it is not zero, to a partition at once.
func producerConfig(cfg config.Kafka, bytes, messages int) (*sarama.Config, error) {
	c, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	c.Producer.Idempotent = true                // a retry writes nothing twice and keeps the order; it asks for the next three
	c.Producer.RequiredAcks = sarama.WaitForAll // acknowledged means: on all in-sync replicas
	c.Net.MaxOpenRequests = 1
	c.Producer.Retry.Max = publishRetries
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration {
		return min(publishBackoff<<min(retries, 10), publishMaxBackoff)
	}
	c.Producer.Return.Successes = true // who publishes waits for one of the two
	c.Producer.Return.Errors = true
	// The default hashes with FNV-1a, and a key would land in another
	// partition than other languages put it in.
	c.Producer.Partitioner = sarama.NewMurmur2Partitioner
	c.Producer.MaxMessageBytes = bytes
	c.Producer.Flush.MaxMessages = messages
	if err := c.Producer.Compression.UnmarshalText([]byte(cfg.Compression)); cfg.Compression != "" && err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return c, c.Validate()
}

// producerMessage returns m as sarama takes it. A nil key or value stays nil on
// the wire, an empty one empty.
func producerMessage(m *message.Message) *sarama.ProducerMessage {
	pm := &sarama.ProducerMessage{Topic: m.Topic, Timestamp: m.Time, Offset: -1}
	if m.Key != nil {
		pm.Key = sarama.ByteEncoder(m.Key)
	}
	if m.Value != nil {
		pm.Value = sarama.ByteEncoder(m.Value)
	}
	for _, h := range m.Headers {
		pm.Headers = append(pm.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return pm
}

// tooLarge reports whether err is one of the ways to say so.
func tooLarge(err error) bool {
	return errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrMessageSetSizeTooLarge)
}

// broken reports whether err means that the producer it came from will give no
// other answer, or not for long: its circuit breaker refuses everything for 10 s
// after three failures, and does not say what they were. A new producer asks
// the brokers again.
func broken(err error) bool {
	for _, fatal := range []error{
		sarama.ErrOutOfOrderSequenceNumber, sarama.ErrInvalidProducerEpoch, sarama.ErrUnknownProducerID,
		sarama.ErrProducerFenced, sarama.ErrClosedClient, sarama.ErrShuttingDown, breaker.ErrBreakerOpen,
	} {
		if errors.Is(err, fatal) {
			return true
		}
	}
	return false
}
