package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/ops"
)

// ErrClosed is returned by a Publisher after Close.
var ErrClosed = errors.New("publisher is closed")

// errAbandoned is what callers get when Close gives up on their message.
var errAbandoned = fmt.Errorf("%w: not published within DRAIN_TIMEOUT", ErrClosed)

const (
	// publishBuffer bounds the bytes of events that are on their way to the broker,
	// or whose callbacks wait for earlier ones.
	publishBuffer = 32 << 20
	// messageOverhead is about what a message takes in memory beside its bytes.
	messageOverhead = 1024
	// sendTimeout bounds one Send: the engine retries dead letters by its own
	// policy, and reports why they are refused. It bounds their bytes too, so they
	// need no room among the events.
	sendTimeout = 10 * time.Second
)

// Publisher publishes events and sends raw messages: durable, confirmed by the queue's
// majority, and none to where no queue is. It connects when it is first needed. Its
// methods may be called from many goroutines.
//
// Messages of one key are written in the order in which they were accepted: each is
// sent once the one before it is confirmed. Those of other keys, and of none, go beside
// it. When an event is given up, all that wait behind it in its key are given up with
// it. A message whose confirmation was lost is written twice.
type Publisher struct {
	cfg      config.RabbitMQ
	service  string
	registry *message.Registry
	log      *slog.Logger

	Observe func(topic string, err error) // sees what became of each message; set before the first

	consumers map[string]string // of the service, by topic

	capacity int64 // of room, in bytes
	room     *semaphore.Weighted
	calls    callQueue
	closing  context.Context // ends when nothing more is accepted
	refuse   context.CancelFunc
	life     context.Context // ends when nothing more is sent
	end      context.CancelFunc
	ended    sync.WaitGroup
	lost     atomic.Int64
	wake     chan struct{} // something is ready

	mu       sync.Mutex // guards what follows, and what is outgoing
	begun    bool
	state    error // why nothing can be published, nil if it can
	outage   ops.Outage
	keys     map[string][]*outgoing // by topic and key: the first is under way, the others wait for it
	ready    []*outgoing            // to be sent
	sent     map[uint64]*outgoing   // on the present channel, not confirmed, by delivery tag
	accepted *sync.WaitGroup        // what was accepted since the last Flush
}

// NewPublisher returns a publisher of events in the name of service. It does not
// connect yet.
func NewPublisher(cfg config.RabbitMQ, service string, registry *message.Registry, log *slog.Logger) *Publisher {
	p := &Publisher{
		cfg: cfg, service: service, registry: registry, log: log, Observe: func(string, error) {}, consumers: map[string]string{},
		capacity: publishBuffer, room: semaphore.NewWeighted(publishBuffer), wake: make(chan struct{}, 1),
		state: errConnecting, outage: ops.Outage{Log: log}, keys: map[string][]*outgoing{}, accepted: new(sync.WaitGroup),
	}
	p.closing, p.refuse = context.WithCancel(context.Background())
	p.life, p.end = context.WithCancel(context.Background())
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
		err = p.wait(ctx, &outgoing{message: m, timeout: timeout, event: true})
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
	done := func(err error) { p.call(delivered, delivery(m), publishError(e, m, err)) }
	if err == nil {
		err = p.send(ctx, &outgoing{message: m, timeout: p.cfg.PublishTimeout, event: true, run: p.calls.add, done: done})
	}
	if err != nil {
		done(err)
	}
}

// Send writes m and returns once the broker confirmed it. It sets m's Partition and its
// Offset, which AMQP does not tell. A zero Time is now. The error is message.ErrTooLarge
// when no attempt can help. When ctx ends first, m may still be written, and its bytes
// must not be changed after that either.
func (p *Publisher) Send(ctx context.Context, m *message.Message) error {
	return p.sendAs(ctx, p.cfg, m)
}

// sendAs sends m where the settings say that the queues of its topic are.
func (p *Publisher) sendAs(ctx context.Context, cfg config.RabbitMQ, m *message.Message) error {
	addSpan(ctx, m) //forge:if otel
	o := &outgoing{message: m, timeout: sendTimeout}
	o.exchange, o.key = route(cfg, m)
	if err := p.wait(ctx, o); err != nil {
		return fmt.Errorf("send to %s: %w", m.Topic, err)
	}
	m.Partition, m.Offset = 0, -1
	return nil
}

// wait publishes o and waits for what becomes of it.
func (p *Publisher) wait(ctx context.Context, o *outgoing) error {
	results := make(chan error, 1)
	o.run, o.done = func(f func()) { f() }, func(err error) { results <- err }
	if err := p.send(ctx, o); err != nil {
		return err
	}
	select {
	case err := <-results:
		return err
	case <-ctx.Done():
		return p.withOutcome(context.Cause(ctx))
	}
}

// send takes o once there is room, and makes sure that o.done is called, unless it
// returns an error.
func (p *Publisher) send(ctx context.Context, o *outgoing) (err error) {
	if o.publishing, err = Publishing(o.message); err != nil {
		return err
	}
	if o.event {
		o.exchange, o.key = route(p.cfg, o.message)
	}
	o.deadline = time.Now().Add(o.timeout)
	var room int64
	if o.event { // a dead letter waits behind no event
		room = min(o.size(), p.capacity) // one that is larger goes alone
		err = p.acquireRoom(ctx, o.deadline, room)
	}
	if err == nil {
		o.release = func() { p.room.Release(room) }
		if err = p.accept(o); err != nil {
			o.release()
		}
	}
	if err != nil {
		p.Observe(o.message.Topic, err)
		return p.withOutcome(err)
	}
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

// withOutcome lets a handler that returns err as it is have its message again, and
// without counting an attempt while the broker is away.
func (p *Publisher) withOutcome(err error) error {
	if _, ok := errors.AsType[*message.Error](err); ok {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != nil && !errors.Is(err, ErrClosed) {
		return message.Unavailable(fmt.Errorf("%w: %w", err, p.state))
	}
	return message.Retry(err)
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
	return within(ctx, func() error {
		before.Wait()
		after.Done()
		return nil
	})
}

// Close waits for all that is on its way, for no longer than timeout, and
// disconnects. What is not published by then is logged with its topic, key and id,
// gets ErrClosed, and is counted in the error. Whoever publishes from now on gets
// ErrClosed too.
func (p *Publisher) Close(timeout time.Duration) error {
	p.mu.Lock()
	first, begun := p.closing.Err() == nil, p.begun
	p.refuse()
	p.mu.Unlock()
	if !first || !begun {
		return nil
	}
	flushed := p.flushWithin(timeout)
	p.end()
	p.abandon()
	closing, cancel := context.WithTimeout(context.Background(), closingTimeout)
	defer cancel()
	_ = within(closing, func() error { p.ended.Wait(); return nil })
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

// delivery says of m what is known: AMQP does not tell where it landed.
func delivery(m *message.Message) message.Delivery {
	d := message.Delivery{Partition: -1, Offset: -1}
	if m != nil {
		d.Topic, d.Key, d.MessageID = m.Topic, string(m.Key), m.Header.MessageID
	}
	return d
}

// publishError returns err as callers get it, nil if that is nil.
func publishError(e message.Event, m *message.Message, err error) error {
	if err == nil {
		return nil
	}
	return &message.PublishError{Event: e, Delivery: delivery(m), Err: err}
}
