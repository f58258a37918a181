package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/publisher"
)

// NewPublisher returns a publisher of events in the name of service. It does not connect yet.
func NewPublisher(cfg config.Kafka, service string, registry *message.Registry, log *slog.Logger) *publisher.Publisher {
	t := &producer{cfg: cfg, registry: registry, backlog: newBacklog(cfg, log)}
	t.client = sync.OnceValues(func() (*kgo.Client, error) { return newProducerClient(t.cfg, t.backlog, &t.sizes, t.options...) })
	p := publisher.New(t, service, registry, log)
	p.Timeout, p.HandlerTimeout, p.Overhead = cfg.PublishTimeout, cfg.HandlerTimeout, 512 // of a record
	return p
}

// producer publishes idempotently, acknowledged by all in-sync replicas, and with the
// partition of a key chosen as Java's client does. Messages that wait for the broker at the
// same time travel together.
//
// Messages of one partition, and so of one key, are written in the order in which they were
// accepted, also when one is retried for minutes: later ones wait behind it. A retry writes
// nothing twice. What can: publishing an event again after an error. When an event is given
// up, all behind it in its partition are given up with it, so that none is written before it.
type producer struct {
	cfg      config.Kafka
	registry *message.Registry
	options  []kgo.Opt                   // of tests
	client   func() (*kgo.Client, error) // makes it when it is first needed
	backlog  *backlog
	sizes    batchSizes
}

// Send implements publisher.Transport.
func (p *producer) Send(accepted publisher.Outgoing) {
	client, err := p.client()
	if err != nil {
		accepted.Done(p.WithOutcome(err))
		return
	}
	o := &outgoing{Outgoing: accepted}
	p.backlog.add(o, client)
	// The record has a context of its own, never the caller's: the client fails
	// all that waits for a partition when the context of its first record ends.
	life, cancel := context.WithDeadline(context.Background(), o.Deadline)
	r := &kgo.Record{Topic: o.Topic, Key: o.Key, Value: o.Value, Timestamp: o.Time}
	for _, h := range o.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	client.Produce(life, r, func(r *kgo.Record, err error) {
		cancel()
		o.Partition, o.Offset = r.Partition, r.Offset
		o.Done(p.finish(client, o, err))
	})
}

// WithOutcome implements publisher.Transport. A handler that returns err as it is has its
// message again, and without counting an attempt while the broker is away.
func (p *producer) WithOutcome(err error) error {
	if _, ok := errors.AsType[*message.Error](err); ok {
		return err
	}
	if p.backlog.overdue.Load() {
		return message.Unavailable(p.backlog.withReason(err, nil))
	}
	return message.Retry(err)
}

// Close implements publisher.Transport.
func (p *producer) Close() {
	if client, err := p.client(); err == nil {
		closeInTime(closingTimeout, client.Close)
	}
}

// finish takes o from the backlog and returns err as callers get it.
func (p *producer) finish(client *kgo.Client, o *outgoing, err error) error {
	defer func() { p.backlog.remove(o, err) }()
	limit := p.sizes.of(o.Topic)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return message.Retry(publisher.ErrAbandoned)
	case errors.Is(err, kerr.MessageTooLarge) && (!limit.known || o.Size < int64(limit.bytes)/2):
		// The topic's limit could not be asked for, or is less than it was.
		p.sizes.forget(client, o.Topic)
		return message.Retry(fmt.Errorf("refused in a batch that is too large for the topic: %w", err))
	case errors.Is(err, kerr.MessageTooLarge):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
	case errors.Is(err, kerr.UnknownTopicID):
		p.sizes.forget(client, o.Topic)
		return message.Retry(fmt.Errorf("topic %q was deleted and made anew: %w", o.Topic, err))
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return message.Retry(fmt.Errorf("topic %q or its partition does not exist%s: %w", o.Topic, p.undeclared(o), err))
	case isAny(err, forbidden...), o.isAlone.Load() && isAny(err, kerr.InvalidRecord, kerr.InvalidTimestamp):
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, err)) // of several, nobody knows which is meant
	case time.Now().After(o.Deadline), errors.Is(err, context.DeadlineExceeded): // of its own time, or that of one before it
		return message.Unavailable(p.backlog.withReason(fmt.Errorf("given up after %v", min(o.Timeout, (o.Timeout-time.Until(o.Deadline)).Round(time.Millisecond))), err))
	case p.cfg.PublishRetryMaxAttempts > 0 && kerr.IsRetriable(err):
		return message.Retry(fmt.Errorf("given up after %d attempts: %w", p.cfg.PublishRetryMaxAttempts, err))
	}
	return p.WithOutcome(err)
}

// undeclared returns what to try when the topic of an event does not exist and nobody
// declared that it is published to.
func (p *producer) undeclared(o *outgoing) string {
	if !o.IsEvent || slices.Contains(p.registry.PublishedTopics(), o.Topic) {
		return ""
	}
	return ": create it, or correct its name; with b.Publishes(the event) the start waits for it, and dev and tests make it"
}
