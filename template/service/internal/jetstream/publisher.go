package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// ErrClosed is returned by a Publisher after Close.
var ErrClosed = errors.New("publisher is closed")

// errAbandoned is what callers get when Close gives up on their message.
var errAbandoned = fmt.Errorf("%w: not published within DRAIN_TIMEOUT", ErrClosed)

const (
	// publishBuffer bounds the bytes of events that are on their way to the server,
	// or whose callbacks wait for earlier ones.
	publishBuffer = 32 << 20
	// messageOverhead is about what a message takes in memory beside its bytes.
	messageOverhead = 2048
	// sendTimeout bounds one Send: the engine retries dead letters by its own policy.
	sendTimeout = 10 * time.Second
)

// Publisher publishes events and sends raw messages: each is on as many servers as its
// stream says when it is acknowledged. It connects when it is first needed. Its methods
// may be called from many goroutines.
//
// Messages of one key are written in the order in which they were accepted, also when one
// is retried for minutes: later ones wait behind it. A retry writes nothing twice, as the
// stream knows the ids of its messages for as long.
type Publisher struct {
	cfg      config.JetStream
	service  string
	registry *message.Registry
	log      *slog.Logger
	health   *health

	Observe     func(topic string, err error) // sees what became of each message; set before the first
	sendTimeout time.Duration

	capacity int64 // of room, in bytes
	room     *semaphore.Weighted
	calls    callQueue
	turn     atomic.Uint32   // of messages without a key
	closing  context.Context // ends when nothing more is accepted
	refuse   context.CancelFunc
	life     context.Context // ends when what is on its way is given up
	abandon  context.CancelCauseFunc
	lost     atomic.Int64

	mu       sync.Mutex
	js       jetstream.JetStream // nil before it is needed
	layouts  map[string]Layout   // by topic, of those that were asked for
	waiting  map[place][]*outgoing
	accepted *sync.WaitGroup // what was accepted since the last Flush
}

// place is what keeps an order.
type place struct{ topic, key string }

// outgoing is a message on its way to the server.
type outgoing struct {
	message  *message.Message
	id       string // by which the server knows it
	deadline time.Time
	event    bool
	timeout  time.Duration
	run      func(func()) // runs done
	done     func(*message.Message, error)
}

// NewPublisher returns a publisher of events in the name of service. It does not
// connect yet.
func NewPublisher(cfg config.JetStream, service string, registry *message.Registry, log *slog.Logger) *Publisher {
	p := &Publisher{
		cfg: cfg, service: service, registry: registry, log: log, health: newHealth(log.With("publisher", service)),
		Observe:     func(string, error) {},
		sendTimeout: sendTimeout, capacity: publishBuffer, room: semaphore.NewWeighted(publishBuffer),
		layouts: map[string]Layout{}, waiting: map[place][]*outgoing{}, accepted: new(sync.WaitGroup),
	}
	p.closing, p.refuse = context.WithCancel(context.Background())
	p.life, p.abandon = context.WithCancelCause(context.Background())
	return p
}

// Publish implements message.Publisher. An event is tried for
// PUBLISH_TIMEOUT, and for nine tenths of HANDLER_TIMEOUT at most: a
// handler that runs again publishes it again, and both would be written once the
// server is back. When ctx ends first, the event may still be written until then.
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
		delivered = p.LogUndelivered
	}
	m, err := p.registry.Encode(ctx, e, p.service)
	done := func(_ *message.Message, err error) { p.call(delivered, delivery(m), publishError(e, m, err)) }
	if err == nil {
		err = p.produce(ctx, &outgoing{message: m, timeout: p.cfg.PublishTimeout, event: true, run: p.calls.add, done: done})
	}
	if err != nil {
		done(nil, err)
	}
}

// Send writes m and returns once the server acknowledged it. It sets m's Partition and its
// Offset. The error is message.ErrTooLarge when no attempt can help. When ctx ends first,
// m may still be written, and its bytes must not be changed after that either.
func (p *Publisher) Send(ctx context.Context, m *message.Message) error {
	addSpan(ctx, m) //forge:if otel
	sent := *m
	landed, err := p.wait(ctx, &outgoing{message: &sent, timeout: p.sendTimeout})
	if err != nil {
		return fmt.Errorf("send to %s: %w", m.Topic, err)
	}
	m.Partition, m.Offset = landed.Partition, landed.Offset
	return nil
}

// wait publishes o and waits for what becomes of it.
func (p *Publisher) wait(ctx context.Context, o *outgoing) (*message.Message, error) {
	type result struct {
		m   *message.Message
		err error
	}
	results := make(chan result, 1)
	o.run = func(f func()) { f() }
	o.done = func(m *message.Message, err error) { results <- result{m, err} }
	if err := p.produce(ctx, o); err != nil {
		return nil, err
	}
	select {
	case got := <-results:
		return got.m, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// produce has o published behind what is on its way with the same key, and makes sure that
// o.done is called, unless it returns an error.
func (p *Publisher) produce(ctx context.Context, o *outgoing) error {
	m := o.message
	o.deadline = time.Now().Add(o.timeout)
	o.id = cmp.Or(idOf(m), uuid.NewString())
	var room int64
	if o.event { // a dead letter waits behind no event
		size := messageOverhead + len(m.Key) + len(m.Value)
		for _, h := range m.Headers {
			size += len(h.Key) + len(h.Value)
		}
		room = min(int64(size), p.capacity) // one that is larger goes alone
		if err := p.acquireRoom(ctx, o.deadline, room); err != nil {
			p.Observe(m.Topic, err)
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing.Err() != nil {
		p.room.Release(room)
		return message.Retry(ErrClosed)
	}
	group := p.accepted
	group.Add(1)
	done, run := o.done, o.run
	o.done = func(m *message.Message, err error) {
		p.Observe(o.message.Topic, err)
		run(func() {
			defer group.Done()
			p.room.Release(room)
			done(m, err)
		})
	}
	at := place{m.Topic, string(m.Key)}
	if m.Key == nil { // it has no order
		go p.finish(o)
		return nil
	}
	_, isBusy := p.waiting[at]
	p.waiting[at] = append(p.waiting[at], o)
	if !isBusy {
		go p.finishAll(at)
	}
	return nil
}

// finishAll publishes what there is of a key, one after another.
func (p *Publisher) finishAll(at place) {
	for {
		p.mu.Lock()
		if len(p.waiting[at]) == 0 {
			delete(p.waiting, at)
			p.mu.Unlock()
			return
		}
		o := p.waiting[at][0]
		p.waiting[at] = p.waiting[at][1:]
		p.mu.Unlock()
		p.finish(o)
	}
}

// finish tries o until it is published, its time is up, or no attempt can help.
func (p *Publisher) finish(o *outgoing) {
	ctx, cancel := context.WithDeadline(p.life, o.deadline)
	defer cancel()
	delays := message.RetryPolicy{Kind: message.RetryKind(p.cfg.PublishRetryPolicy), Delay: p.cfg.PublishRetryDelay, MaxDelay: p.cfg.PublishRetryMaxDelay}.Backoff()
	turn := p.turn.Add(1)
	var last error
	for attempt := 1; ; attempt++ {
		err := p.attempt(ctx, o, turn)
		isTimeUp := ctx.Err() != nil
		if isTimeUp && errors.Is(err, ctx.Err()) {
			err = cmp.Or(last, err) // which says why
		}
		last = err
		switch {
		case err == nil:
			o.done(o.message, nil)
			return
		case message.OutcomeOf(err) == message.OutcomePermanent:
			o.done(nil, err)
			return
		case p.life.Err() != nil:
			p.lost.Add(1)
			p.logFailure(delivery(o.message), errAbandoned)
			o.done(nil, message.Retry(errAbandoned))
			return
		case isTimeUp:
			o.done(nil, message.Unavailable(fmt.Errorf("given up after %v: %w", o.timeout, err)))
			return
		case attempt == p.cfg.PublishRetryMaxAttempts:
			o.done(nil, message.Retry(fmt.Errorf("given up after %d attempts: %w", attempt, err)))
			return
		}
		delay, _ := delays.Next()
		sleep(ctx, delay)
	}
}

// attempt publishes o once, and notes in its message where it landed.
func (p *Publisher) attempt(ctx context.Context, o *outgoing, turn uint32) error {
	js, err := p.open()
	if err != nil {
		return err
	}
	l, err := p.layoutOf(ctx, js, o.message.Topic)
	if err != nil {
		return err
	}
	partition := l.partitionOf(o.message.Key, turn)
	m := wire(l.subject(partition), o.message)
	m.Header[nats.MsgIdHdr] = []string{o.id}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := js.PublishMsg(asking, m, jetstream.WithRetryAttempts(0), jetstream.WithExpectStream(StreamName(o.message.Topic)))
	switch {
	case err == nil:
		o.message.Partition, o.message.Offset = partition, int64(got.Sequence)
		return nil
	case errors.Is(err, nats.ErrMaxPayload), isCode(err, 10054):
		return message.Permanent(fmt.Errorf("%w: %w", message.ErrTooLarge, err))
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		p.mu.Lock()
		delete(p.layouts, o.message.Topic) // it may have been made anew
		p.mu.Unlock()
	}
	return cmp.Or(p.health.why(), err) // which says more
}

func isCode(err error, code jetstream.ErrorCode) bool {
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && e.ErrorCode == code
}

// open returns the connection, which it makes when it is first needed.
func (p *Publisher) open() (_ jetstream.JetStream, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.js == nil {
		p.js, err = connect(p.cfg, p.health)
	}
	return p.js, err
}

// layoutOf returns how a topic lies in its stream. That of dead letters, and of an event
// that was declared, is made if there is none.
func (p *Publisher) layoutOf(ctx context.Context, js jetstream.JetStream, topic string) (Layout, error) {
	p.mu.Lock()
	l, ok := p.layouts[topic]
	p.mu.Unlock()
	if ok {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	isDeclared := slices.Contains(p.registry.PublishedTopics(), topic)
	_, l, err := EnsureStream(ctx, js, p.cfg, topic, isDeclared || strings.HasSuffix(topic, deadletter.Suffix))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return l, fmt.Errorf("topic %q does not exist: create its stream, or correct its name; with b.Publishes(the event) the start creates it: %w", topic, err)
	}
	if err != nil {
		return l, cmp.Or(p.health.why(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.layouts[topic] = l
	return l, nil
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
	defer context.AfterFunc(p.closing, func() { cancel(message.Retry(ErrClosed)) })()
	if p.room.Acquire(ctx, n) != nil {
		return fmt.Errorf("no room among the %d bytes of events that wait for the server or for their callbacks: %w", p.capacity, context.Cause(ctx))
	}
	return nil
}

// Ready returns why nothing can be published, nil if the server answers.
func (p *Publisher) Ready(ctx context.Context) error {
	js, err := p.open()
	if err != nil {
		return err
	}
	if err = p.health.why(); err == nil || errors.Is(err, errConnecting) {
		asking, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		err = js.Conn().FlushWithContext(asking)
	}
	if err != nil {
		return cmp.Or(p.health.why(), err)
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

// LogUndelivered logs an event that was not published, as PublishAsync does without
// a callback.
func (p *Publisher) LogUndelivered(d message.Delivery, err error) {
	if err != nil && !errors.Is(err, errAbandoned) { // which is logged already
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

// Close waits for all that is on its way, for no longer than timeout, and
// disconnects. What is not published by then is logged with its topic, key and id,
// gets ErrClosed, and is counted in the error. Whoever publishes from now on gets
// ErrClosed too.
func (p *Publisher) Close(timeout time.Duration) error {
	p.mu.Lock()
	isFirst := p.closing.Err() == nil
	p.refuse()
	p.mu.Unlock()
	if !isFirst {
		return nil
	}
	isFlushed := p.flushWithin(timeout)
	p.abandon(errAbandoned)
	if !isFlushed && !p.flushWithin(time.Second) {
		p.log.Warn("a delivery callback has not returned")
	}
	_ = p.health.stop() // what is not published was told
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.js != nil {
		p.js.Conn().Close()
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

// delivery says where m landed, if it did.
func delivery(m *message.Message) message.Delivery {
	d := message.Delivery{Partition: -1, Offset: -1}
	if m != nil {
		d.Topic, d.Key, d.MessageID, d.Partition, d.Offset = m.Topic, string(m.Key), m.Header.MessageID, m.Partition, m.Offset
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
