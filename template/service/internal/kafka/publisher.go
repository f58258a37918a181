package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// ErrClosed is returned by a Publisher after Close.
var ErrClosed = errors.New("publisher is closed")

// errAbandoned is what callers get when Close gives up on their message.
var errAbandoned = fmt.Errorf("%w: not published within DRAIN_TIMEOUT", ErrClosed)

const (
	// publishBuffer bounds the bytes of events that are on their way to the broker,
	// or whose callbacks wait for earlier ones.
	publishBuffer = 32 << 20
	// recordOverhead is about what a record takes in memory beside its bytes.
	recordOverhead = 512
	// sendTimeout bounds one Send: the engine retries dead letters by its own
	// policy, and reports why they are refused. It bounds their bytes too, so they
	// need no room among the events.
	sendTimeout = 10 * time.Second
)

// Publisher publishes events and sends raw messages: idempotently, acknowledged
// by all in-sync replicas, and with the partition of a key chosen as Java's client
// does. It connects when it is first needed. Its methods may be called from many
// goroutines; messages that wait for the broker at the same time travel together.
//
// Messages of one partition, and so of one key, are written in the order in which
// they were accepted, also when one is retried for minutes: later ones wait behind
// it. A retry writes nothing twice. What can: publishing an event again after an
// error. When an event is given up, all that wait behind it in its partition are
// given up with it, so that none of them is written before it.
type Publisher struct {
	cfg      config.Kafka
	service  string
	registry *message.Registry
	log      *slog.Logger

	Observe     func(topic string, err error) // sees what became of each message; set before the first
	options     []kgo.Opt                     // of tests
	sendTimeout time.Duration

	capacity int64 // of room, in bytes
	room     *semaphore.Weighted
	backlog  *backlog
	sizes    batchSizes
	calls    callQueue
	closing  context.Context // ends when nothing more is accepted
	refuse   context.CancelFunc
	lost     atomic.Int64

	mu       sync.Mutex
	client   *kgo.Client     // nil before it is needed
	accepted *sync.WaitGroup // what was accepted since the last Flush
}

// NewPublisher returns a publisher of events in the name of service. It does not
// connect yet.
func NewPublisher(cfg config.Kafka, service string, registry *message.Registry, log *slog.Logger) *Publisher {
	p := &Publisher{
		cfg: cfg, service: service, registry: registry, log: log, backlog: newBacklog(cfg, log),
		Observe:     func(string, error) {},
		sendTimeout: sendTimeout, capacity: publishBuffer, room: semaphore.NewWeighted(publishBuffer), accepted: new(sync.WaitGroup),
	}
	p.closing, p.refuse = context.WithCancel(context.Background())
	return p
}

// Publish implements message.Publisher. An event is tried for
// PUBLISH_TIMEOUT, and for nine tenths of HANDLER_TIMEOUT at most: a
// handler that runs again publishes it again, and both would be written once the
// broker is back. When ctx ends first, the event may still be written until then.
func (p *Publisher) Publish(ctx context.Context, e message.Event) error {
	timeout := p.cfg.PublishTimeout
	if handler := p.cfg.HandlerTimeout; handler > 0 {
		timeout = min(timeout, handler/10*9)
	}
	m, err := p.registry.Encode(ctx, e, p.service)
	if err == nil {
		_, err = p.wait(ctx, &outgoing{message: m, timeout: timeout, event: true})
	}
	return publishError(e, m, err)
}

// PublishAsync implements message.Publisher.
func (p *Publisher) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	if delivered == nil {
		delivered = func(d message.Delivery, err error) {
			if err != nil && !errors.Is(err, errAbandoned) { // which is logged already
				p.logFailure(d, err)
			}
		}
	}
	m, err := p.registry.Encode(ctx, e, p.service)
	done := func(r *kgo.Record, err error) { p.call(delivered, delivery(m, r), publishError(e, m, err)) }
	if err == nil {
		err = p.produce(ctx, &outgoing{message: m, timeout: p.cfg.PublishTimeout, event: true, run: p.calls.add, done: done})
	}
	if err != nil {
		done(nil, err)
	}
}

// Send writes m and returns once the broker acknowledged it. It sets m's
// Partition and its Offset, which is -1 when it is not known. A zero Time is now.
// The error is message.ErrTooLarge when no attempt can help. When ctx ends first, m may
// still be written, and its bytes must not be changed after that either.
func (p *Publisher) Send(ctx context.Context, m *message.Message) error {
	addSpan(ctx, m) //forge:if otel
	r, err := p.wait(ctx, &outgoing{message: m, timeout: p.sendTimeout})
	if err != nil {
		return fmt.Errorf("send to %s: %w", m.Topic, err)
	}
	m.Partition, m.Offset = r.Partition, r.Offset
	return nil
}

// wait publishes o and waits for what becomes of it.
func (p *Publisher) wait(ctx context.Context, o *outgoing) (*kgo.Record, error) {
	results := make(chan kgo.ProduceResult, 1)
	o.run = func(f func()) { f() }
	o.done = func(r *kgo.Record, err error) { results <- kgo.ProduceResult{Record: r, Err: err} }
	if err := p.produce(ctx, o); err != nil {
		return nil, err
	}
	select {
	case got := <-results:
		return got.Record, got.Err
	case <-ctx.Done():
		return nil, p.backlog.withOutcome(context.Cause(ctx))
	}
}

// produce gives o to the client once there is room, and makes sure that o.done is
// called, unless it returns an error.
func (p *Publisher) produce(ctx context.Context, o *outgoing) error {
	r := record(o.message)
	o.size = recordOverhead + int64(len(r.Key)+len(r.Value))
	for _, h := range r.Headers {
		o.size += int64(len(h.Key) + len(h.Value))
	}
	o.deadline = time.Now().Add(o.timeout)
	var room int64
	if o.event { // a dead letter waits behind no event
		room = min(o.size, p.capacity) // one that is larger goes alone
		if err := p.acquireRoom(ctx, o.deadline, room); err != nil {
			p.Observe(o.message.Topic, err)
			return p.backlog.withOutcome(err)
		}
	}
	client, group, err := p.accept(o)
	if err != nil {
		p.Observe(o.message.Topic, err)
		p.room.Release(room)
		return p.backlog.withOutcome(err)
	}
	// The record has a context of its own, never the caller's: the client fails
	// all that waits for a partition when the context of its first record ends.
	life, cancel := context.WithDeadline(context.Background(), o.deadline)
	client.Produce(life, r, func(r *kgo.Record, err error) {
		cancel()
		err = p.finish(client, o, err)
		p.Observe(o.message.Topic, err)
		if err != nil {
			r = nil // nobody knows where it is
		}
		o.run(func() {
			defer group.Done()
			p.room.Release(room)
			o.done(r, err)
		})
	})
	return nil
}

// acquireRoom waits for room for n bytes until the deadline, or until ctx or the
// publisher ends.
func (p *Publisher) acquireRoom(ctx context.Context, deadline time.Time, n int64) error {
	if ctx.Err() == nil && p.room.TryAcquire(n) {
		return nil
	}
	ctx, stop := context.WithDeadline(ctx, deadline)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.closing, func() { cancel(ErrClosed) })()
	if p.room.Acquire(ctx, n) != nil {
		return fmt.Errorf("no room among the %d bytes of events that wait for the broker or for their callbacks: %w", p.capacity, context.Cause(ctx))
	}
	return nil
}

// accept notes that o is on its way and returns the client that takes it, and the
// group that it must leave.
func (p *Publisher) accept(o *outgoing) (*kgo.Client, *sync.WaitGroup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return nil, nil, err
	}
	p.backlog.add(o, p.client)
	p.accepted.Add(1)
	return p.client, p.accepted, nil
}

// open makes the client when it is first needed. It is called with p.mu held.
func (p *Publisher) open() (err error) {
	if p.closing.Err() != nil {
		return ErrClosed
	}
	if p.client == nil {
		p.client, err = newProducerClient(p.cfg, p.backlog, &p.sizes, p.options...)
	}
	return err
}

// finish takes o from the backlog and returns err as callers get it.
func (p *Publisher) finish(client *kgo.Client, o *outgoing, err error) error {
	defer func() { p.backlog.remove(o, err) }()
	limit := p.sizes.of(o.message.Topic)
	isErr := func(target error) bool { return errors.Is(err, target) }
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		p.lost.Add(1)
		p.logFailure(delivery(o.message, nil), errAbandoned)
		return message.Retry(errAbandoned)
	case errors.Is(err, kerr.MessageTooLarge) && (!limit.known || o.size < int64(limit.bytes)/2):
		// The topic's limit could not be asked for, or is less than it was.
		p.sizes.forget(client, o.message.Topic)
		return message.Retry(fmt.Errorf("refused in a batch that is too large for the topic: %w", err))
	case errors.Is(err, kerr.MessageTooLarge):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
	case errors.Is(err, kerr.UnknownTopicID):
		p.sizes.forget(client, o.message.Topic)
		return message.Retry(fmt.Errorf("topic %q was deleted and made anew: %w", o.message.Topic, err))
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return message.Retry(fmt.Errorf("topic %q or its partition does not exist%s: %w", o.message.Topic, p.undeclared(o), err))
	case slices.ContainsFunc(forbidden, isErr), o.isAlone.Load() && slices.ContainsFunc([]error{kerr.InvalidRecord, kerr.InvalidTimestamp}, isErr):
		return message.Retry(fmt.Errorf("%w: %w", message.ErrRefused, err)) // of several, nobody knows which is meant
	case time.Now().After(o.deadline), errors.Is(err, context.DeadlineExceeded): // of its own time, or that of one before it
		return message.Unavailable(p.backlog.withReason(fmt.Errorf("given up after %v", min(o.timeout, (o.timeout-time.Until(o.deadline)).Round(time.Millisecond))), err))
	case p.cfg.PublishRetryMaxAttempts > 0 && kerr.IsRetriable(err):
		return message.Retry(fmt.Errorf("given up after %d attempts: %w", p.cfg.PublishRetryMaxAttempts, err))
	}
	return p.backlog.withOutcome(err)
}

// undeclared returns what to try when the topic of an event does not exist and nobody
// declared that it is published to.
func (p *Publisher) undeclared(o *outgoing) string {
	if !o.event || slices.Contains(p.registry.PublishedTopics(), o.message.Topic) {
		return ""
	}
	return ": create it, or correct its name; with b.Publishes(the event) the start waits for it, and dev and tests make it"
}

// call calls delivered. Its panic would end the service.
func (p *Publisher) call(delivered func(message.Delivery, error), d message.Delivery, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("a delivery callback panicked", "topic", d.Topic, "key", d.Key, "message_id", d.MessageID, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	delivered(d, err)
}

func (p *Publisher) logFailure(d message.Delivery, err error) {
	p.log.Error("not published", "topic", d.Topic, "key", d.Key, "message_id", d.MessageID, "error", err)
}

// Flush implements message.Publisher.
func (p *Publisher) Flush(ctx context.Context) error {
	p.mu.Lock()
	before, after := p.accepted, new(sync.WaitGroup)
	after.Add(1) // a later Flush waits for those of this one too
	p.accepted = after
	p.mu.Unlock()
	done := make(chan struct{})
	go func() { before.Wait(); after.Done(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close waits for all that is on its way, for no longer than timeout, and
// disconnects. What is not published by then is logged with its topic, key and id,
// gets ErrClosed, and is counted in the error. Whoever publishes from now on gets
// ErrClosed too.
func (p *Publisher) Close(timeout time.Duration) error {
	p.mu.Lock()
	first, client := p.closing.Err() == nil, p.client
	p.refuse()
	p.mu.Unlock()
	if !first || client == nil {
		return nil
	}
	flushed := p.flushWithin(timeout)
	closeInTime(closingTimeout, client.Close)
	if !flushed && !p.flushWithin(closingTimeout) {
		p.log.Warn("a delivery callback has not returned")
	}
	if n := p.lost.Load(); n > 0 {
		return fmt.Errorf("publisher closed after %v, messages not published: %d", timeout.Round(time.Millisecond), n)
	}
	return nil
}

func (p *Publisher) flushWithin(d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return p.Flush(ctx) == nil
}

func record(m *message.Message) *kgo.Record {
	r := &kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value, Timestamp: m.Time}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r
}

// delivery says where m landed: at r, or nowhere if that is nil.
func delivery(m *message.Message, r *kgo.Record) message.Delivery {
	d := message.Delivery{Partition: -1, Offset: -1}
	if m != nil {
		d.Topic, d.Key, d.MessageID = m.Topic, string(m.Key), m.Header.MessageID
	}
	if r != nil {
		d.Partition, d.Offset = r.Partition, r.Offset
	}
	return d
}

// publishError returns err as callers get it, nil if that is nil.
func publishError(e message.Event, m *message.Message, err error) error {
	if err == nil {
		return nil
	}
	return &message.PublishError{Event: e, Delivery: delivery(m, nil), Err: err}
}
