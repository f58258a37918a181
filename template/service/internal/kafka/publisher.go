package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var (
	// ErrClosed is returned by a Publisher after Close.
	ErrClosed = errors.New("publisher is closed")
	// ErrTooLarge is returned for a message that the topic does not take,
	// however often it is tried.
	ErrTooLarge = message.ErrTooLarge
)

// errAbandoned is what callers get when Close gives up on their message.
var errAbandoned = fmt.Errorf("%w: not published within KAFKA_DRAIN_TIMEOUT", ErrClosed)

// sendPatience is how often and how long Send tries. Who sends raw messages, as
// the dead letters are, tries again by a policy of its own, and has to hear what
// is wrong soon.
var sendPatience = patience{attempts: 5, timeout: 10 * time.Second}

// Publisher publishes events and sends raw messages: idempotently, acknowledged
// by all in-sync replicas, and with the key deciding the partition as Java's
// client has it. It connects when it is first needed. Its methods may be called
// from many goroutines; messages that wait for the broker at the same time
// travel together.
//
// Messages of one partition, and so of one key, are written in the order in
// which they were given to it, also when one of them has to be tried again for
// minutes: what comes later waits behind it. An attempt that was written, though
// its answer was lost or said no, is told from the next by the broker, so a retry
// writes nothing twice. These can: publishing an event again after an error; an
// event that travelled with one whose time was up while the answer was missing; a
// broker that has forgotten the producer, since the records that it remembers it
// by were deleted.
//
// An event that comes back as an error while an attempt is under way may be
// written all the same, and then perhaps after later ones. What is acknowledged is
// there in any case.
type Publisher struct {
	cfg     config.Kafka
	service string
	log     *slog.Logger
	codec   message.Codec
	codecs  map[string]message.Codec // of topics that have another one
	queues  *queues
	ending  ending

	patience patience // of events
	sending  patience // of Send
}

// PublisherOption changes a Publisher.
type PublisherOption func(*Publisher)

// WithCodec makes c write the envelopes in the place of JSON.
func WithCodec(c message.Codec) PublisherOption {
	return func(p *Publisher) { p.codec = c }
}

// WithTopicCodec makes c write the envelopes of one topic.
func WithTopicCodec(topic string, c message.Codec) PublisherOption {
	return func(p *Publisher) { p.codecs[topic] = c }
}

// NewPublisher returns a publisher. It does not connect yet.
func NewPublisher(cfg config.Config, log *slog.Logger, options ...PublisherOption) *Publisher {
	logTo(log)
	p := &Publisher{
		cfg: cfg.Kafka, service: cfg.Service, log: log,
		codec: message.JSON{}, codecs: make(map[string]message.Codec),
		queues:   newQueues(cfg.Kafka, log),
		patience: patience{cfg.Kafka.PublishRetryMaxAttempts, cfg.Kafka.PublishTimeout}, sending: sendPatience,
	}
	for _, o := range options {
		o(p)
	}
	return p
}

// SetCodec makes c write the envelopes in the place of JSON, of the topics that
// have no codec of their own. It comes before the first event.
func (p *Publisher) SetCodec(c message.Codec) { p.codec = c }

// Publish implements message.Publisher.
func (p *Publisher) Publish(ctx context.Context, e message.Event) error {
	m, err := p.message(ctx, e)
	if err != nil {
		return publishError(e, m, err)
	}
	if _, err := p.wait(ctx, m, p.patience); err != nil {
		return publishError(e, m, mayPass(err))
	}
	return nil
}

// PublishAsync implements message.Publisher.
func (p *Publisher) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	m, err := p.message(ctx, e)
	if delivered == nil {
		delivered = p.logFailure
	}
	if err != nil {
		failed := publishError(e, m, err)
		p.queues.call(delivered, delivery(m, failed.Key, -1, -1), failed)
		return
	}
	o := newOutgoing(m, p.patience)
	o.event, o.key, o.delivered = e, e.Key(), delivered
	if err := p.queues.add(ctx, o); err != nil {
		p.queues.meet(o, fate{-1, -1, err})
	}
}

func (p *Publisher) logFailure(d message.Delivery, err error) {
	if err != nil && !errors.Is(err, errAbandoned) { // which Close logs
		p.log.Error("not published", "topic", d.Topic, "key", d.Key, "message_id", d.MessageID, "error", err)
	}
}

// Flush implements message.Publisher.
func (p *Publisher) Flush(ctx context.Context) error { return p.queues.flush(ctx) }

// Send writes m and returns once the broker acknowledged it. It sets m's
// Partition and its Offset, which is -1 when an earlier attempt whose answer
// was lost had written m already. A zero Time is now.
//
// The error is ErrTooLarge when no attempt can help, and otherwise tells what
// the broker or the connection said. When ctx ends first, m may still be
// written, and its bytes must not be changed after that either.
func (p *Publisher) Send(ctx context.Context, m *message.Message) error {
	at, err := p.wait(ctx, m, p.sending)
	if err != nil {
		return fmt.Errorf("send to %s: %w", m.Topic, mayPass(err))
	}
	m.Partition, m.Offset = at.partition, at.offset
	return nil
}

// wait publishes m and waits for its fate.
func (p *Publisher) wait(ctx context.Context, m *message.Message, patience patience) (fate, error) {
	o := newOutgoing(m, patience)
	o.met = make(chan fate, 1)
	if err := p.queues.add(ctx, o); err != nil {
		return fate{}, err
	}
	select {
	case f := <-o.met:
		return f, f.err
	case <-ctx.Done():
		return fate{}, p.queues.cancel(o, context.Cause(ctx))
	}
}

// message returns the message of e.
func (p *Publisher) message(ctx context.Context, e message.Event) (*message.Message, error) {
	codec := p.codec
	if e != nil {
		codec = p.codecOf(e.Topic())
	}
	return message.NewMessage(ctx, codec, e, p.service)
}

func (p *Publisher) codecOf(topic string) message.Codec {
	if c := p.codecs[topic]; c != nil {
		return c
	}
	return p.codec
}

// delivery tells where m landed.
func delivery(m *message.Message, key string, partition int32, offset int64) message.Delivery {
	d := message.Delivery{Key: key, Partition: partition, Offset: offset}
	if m != nil {
		d.Topic = m.Topic
	}
	if m != nil && m.Header != nil {
		d.MessageID = m.Header.MessageID
	}
	return d
}

func publishError(e message.Event, m *message.Message, err error) *message.PublishError {
	failed := &message.PublishError{Event: e, Err: err}
	if m != nil {
		failed.Topic, failed.Key = m.Topic, string(m.Key)
	}
	if m != nil && m.Header != nil {
		failed.MessageID = m.Header.MessageID
	}
	return failed
}

// Ending says that the service begins to end: the time of a drain that Close has
// counts from here. So the consumer, which ends first, and Close share it.
func (p *Publisher) Ending() { p.ending.begin() }

// Close waits until all that is on its way has met its fate, for as long as a
// drain may take, and disconnects. What is not published by then is logged with
// its topic, key and id, gets ErrClosed, and is counted in the error; what waits
// behind a callback that does not return gets it once that does. Whoever
// publishes from now on gets ErrClosed too.
func (p *Publisher) Close() error {
	drain := p.ending.left(p.cfg.DrainTimeout)
	lost, landed := p.queues.close(drain)
	if !landed {
		p.log.Warn("a delivery callback has not returned")
	}
	for _, m := range lost {
		id := ""
		if m.Header != nil {
			id = m.Header.MessageID
		}
		p.log.Error("not published before the end", "topic", m.Topic, "key", string(m.Key), "message_id", id)
	}
	if len(lost) > 0 {
		return fmt.Errorf("publisher closed after %v: %d messages were not published", drain.Round(time.Millisecond), len(lost))
	}
	return nil
}
