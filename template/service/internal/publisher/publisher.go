// Package publisher publishes events, and sends messages as they are, whatever the broker.
package publisher

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

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// ErrClosed is what callers get after Close, ErrAbandoned when it gives up on their message.
var (
	ErrClosed    = errors.New("publisher is closed")
	ErrAbandoned = fmt.Errorf("%w: not published within DRAIN_TIMEOUT", ErrClosed)
)

const (
	publishBuffer   = 32 << 20         // bytes of events on their way to the broker, or whose callbacks wait for earlier ones
	callbackTimeout = 3 * time.Second  // how long Close waits for callbacks when it has given up
	sendTimeout     = 10 * time.Second // of one Send: the engine retries dead letters by its own policy, and says why they are refused
)

// Transport is what a source has to write messages with, from many goroutines.
type Transport interface {
	// Send has o written behind all that it was given before with the same topic and
	// key, tries until o.Deadline, and calls o.Done once. It waits for none of that.
	Send(o Outgoing)
	// WithOutcome makes of why a message is not sent what a handler may return as it is.
	WithOutcome(err error) error
	// Close disconnects. What is on its way is done with ErrAbandoned.
	Close()
	// Ready returns why nothing can be published at present. //forge:if http
	Ready(ctx context.Context) error //forge:if http
}

// Outgoing is a message on its way to the broker.
type Outgoing struct {
	*message.Message // whose Partition and Offset are set once it is written
	IsEvent          bool
	Timeout          time.Duration
	Deadline         time.Time // when it is given up
	Size             int64     // in memory
	Done             func(error)
}

// Publisher publishes events and sends messages, for many goroutines.
type Publisher struct {
	Transport      Transport
	Timeout        time.Duration                 // of an event
	HandlerTimeout time.Duration                 // of who publishes it, 0 for none
	SendTimeout    time.Duration                 // of a message
	Overhead       int64                         // about what a message takes in memory beside its bytes
	Observe        func(topic string, err error) // sees what became of each message

	service  string
	registry *message.Registry
	log      *slog.Logger
	capacity int64 // of room, in bytes
	room     *semaphore.Weighted
	calls    callQueue
	closing  context.Context // ends when nothing more is accepted
	refuse   context.CancelFunc
	lost     atomic.Int64

	mu       sync.Mutex
	accepted *sync.WaitGroup // since the last Flush
}

// New returns a publisher of events in the name of service.
func New(t Transport, service string, registry *message.Registry, log *slog.Logger) *Publisher {
	p := &Publisher{
		Transport: t, service: service, registry: registry, log: log, Observe: func(string, error) {}, SendTimeout: sendTimeout,
		capacity: publishBuffer, room: semaphore.NewWeighted(publishBuffer), accepted: new(sync.WaitGroup),
	}
	p.closing, p.refuse = context.WithCancel(context.Background())
	return p
}

// Publish implements message.Publisher. An event is tried for PUBLISH_TIMEOUT, and for nine
// tenths of HANDLER_TIMEOUT at most: a handler that runs again publishes it again, and both
// would be written. When ctx ends first, the event may still be written until then.
func (p *Publisher) Publish(ctx context.Context, e message.Event) error {
	timeout := p.Timeout
	if handler := p.HandlerTimeout; handler > 0 {
		timeout = min(timeout, handler/10*9)
	}
	m, err := p.registry.Encode(ctx, e, p.service)
	if err == nil {
		err = p.wait(ctx, Outgoing{Message: m, IsEvent: true, Timeout: timeout})
	}
	_, err = result(e, m, err)
	return err
}

// PublishAsync implements message.Publisher.
func (p *Publisher) PublishAsync(ctx context.Context, e message.Event, delivered func(message.Delivery, error)) {
	if delivered == nil {
		delivered = p.LogUndelivered
	}
	m, err := p.registry.Encode(ctx, e, p.service)
	done := func(err error) {
		d, err := result(e, m, err)
		p.call(delivered, d, err)
	}
	if err == nil {
		err = p.send(ctx, Outgoing{Message: m, IsEvent: true, Timeout: p.Timeout, Done: done}, p.calls.add)
	}
	if err != nil {
		done(err)
	}
}

// Send writes m and returns once the broker acknowledged it. It sets m's Partition and its
// Offset, which is -1 when it is not known. A zero Time is now. The error is
// message.ErrTooLarge when no attempt can help. When ctx ends first, m may still be
// written, and its bytes must not be changed after that either.
func (p *Publisher) Send(ctx context.Context, m *message.Message) error {
	addSpan(ctx, m) //forge:if otel
	sent := *m      // of which nobody reads on once ctx has ended
	if err := p.wait(ctx, Outgoing{Message: &sent, Timeout: p.SendTimeout}); err != nil {
		return fmt.Errorf("send to %s: %w", m.Topic, err)
	}
	m.Partition, m.Offset = sent.Partition, sent.Offset
	return nil
}

// wait sends o and waits for what becomes of it.
func (p *Publisher) wait(ctx context.Context, o Outgoing) error {
	results := make(chan error, 1)
	o.Done = func(err error) { results <- err }
	if err := p.send(ctx, o, func(f func()) { f() }); err != nil {
		return err
	}
	select {
	case err := <-results:
		return err
	case <-ctx.Done():
		return p.Transport.WithOutcome(context.Cause(ctx))
	}
}

// send gives o to the transport once it is accepted, and makes sure that o.Done is
// called, by run, unless it returns an error.
func (p *Publisher) send(ctx context.Context, o Outgoing, run func(func())) error {
	o.Size = p.Overhead + int64(len(o.Key)+len(o.Value))
	for _, h := range o.Headers {
		o.Size += int64(len(h.Key) + len(h.Value))
	}
	o.Deadline = time.Now().Add(o.Timeout)
	m, done := o.Message, o.Done
	room, group, err := p.accept(ctx, o)
	if err != nil {
		p.Observe(m.Topic, err)
		return p.Transport.WithOutcome(err)
	}
	o.Done = func(err error) {
		if errors.Is(err, ErrAbandoned) {
			p.lost.Add(1)
			d, _ := result(nil, m, err)
			p.logFailure(d, ErrAbandoned)
		}
		p.Observe(m.Topic, err)
		run(func() {
			defer group.Done()
			p.room.Release(room)
			done(err)
		})
	}
	p.Transport.Send(o)
	return nil
}

// accept returns the room that o has, once there is any, and the group that it must leave.
func (p *Publisher) accept(ctx context.Context, o Outgoing) (room int64, group *sync.WaitGroup, err error) {
	if o.IsEvent { // a dead letter waits behind no event
		room = min(o.Size, p.capacity) // one that is larger goes alone
		if err := p.acquireRoom(ctx, o.Deadline, room); err != nil {
			return 0, nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing.Err() != nil {
		p.room.Release(room)
		return 0, nil, ErrClosed
	}
	p.accepted.Add(1)
	return room, p.accepted, nil
}

// acquireRoom waits for room for n bytes until the deadline, or the end of ctx or of p.
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

// call calls delivered. Its panic would end the service.
func (p *Publisher) call(delivered func(message.Delivery, error), d message.Delivery, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("a delivery callback panicked", "topic", d.Topic, "key", d.Key, "message_id", d.MessageID, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	delivered(d, err)
}

// LogUndelivered logs an event that was not published, as PublishAsync does without callback.
func (p *Publisher) LogUndelivered(d message.Delivery, err error) {
	if err != nil && !errors.Is(err, ErrAbandoned) { // which is logged already
		p.logFailure(d, err)
	}
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

// Close waits for all that is on its way, for no longer than timeout, and disconnects. What
// is not published by then is logged with its topic, key and id, gets ErrClosed, and is
// counted in the error. Whoever publishes from now on gets ErrClosed too.
func (p *Publisher) Close(timeout time.Duration) error {
	p.mu.Lock()
	isFirst := p.closing.Err() == nil
	p.refuse()
	p.mu.Unlock()
	if !isFirst {
		return nil
	}
	isFlushed := p.flushWithin(timeout)
	p.Transport.Close()
	if !isFlushed && !p.flushWithin(callbackTimeout) {
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

// result is what is told of an event: where it landed, or why it did not.
func result(e message.Event, m *message.Message, err error) (message.Delivery, error) {
	d := message.Delivery{Partition: -1, Offset: -1}
	if m != nil {
		d.Topic, d.Key, d.MessageID = m.Topic, string(m.Key), m.Header.MessageID
	}
	if err != nil {
		return d, &message.PublishError{Event: e, Delivery: d, Err: err}
	}
	d.Partition, d.Offset = m.Partition, m.Offset
	return d, nil
}

// callQueue calls callbacks one after another, apart from whoever adds them: a slow one
// delays other callbacks and no publishing.
type callQueue struct {
	mu      sync.Mutex
	waiting []func() // the first is being called
}

func (q *callQueue) add(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting = append(q.waiting, f); len(q.waiting) == 1 {
		go q.call(f)
	}
}

func (q *callQueue) call(f func()) {
	defer func() { // f may end its goroutine
		q.mu.Lock()
		defer q.mu.Unlock()
		q.waiting[0] = nil
		if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
			go q.call(q.waiting[0])
		}
	}()
	f()
}
