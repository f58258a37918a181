package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	maxFetch  = 500             // messages that are asked for at once
	fetchWait = 5 * time.Second // that a request stays at the server, at most
	group     = "instances"     // the priority group: the server serves one of those who ask in it, the pinned one
)

// subscription takes what one durable consumer has: of a partition, in order, while the server
// serves this instance alone; or of a whole topic beside others, if no order is wanted.
//
// The server numbers what it delivers. A number that is missing, as after a connection was
// cut, is a message that would come again behind later ones. So the lane ends then, the
// durable consumer is set back to the first message that is not acknowledged, and a new
// lane has all from there in order (handover.go). The same is done by who is served for the
// first time, unless the one before it gave back in order what it had not done.
type subscription struct {
	consumer  *Consumer
	layout    Layout
	partition int32
	stream    jetstream.Stream
	config    jetstream.ConsumerConfig
	isOrdered bool

	durable    jetstream.Consumer // nil before it is there
	wasMade    bool               // it was there once
	pin        string             // by which the server knows who is served
	next       uint64             // the number of the next delivery
	last       int64              // the offset of the last one
	lastAt     time.Time          // when that was written
	assignment atomic.Pointer[assignment]
	memory     memory
	yield      atomic.Bool  // the partition is to go to another instance
	lag        atomic.Int64 // -1 before it is known
}

// assignment is of a partition, or of a topic, from the first message on until it is drained or lost.
type assignment struct {
	*claim
	lane  *engine.Lane
	lease *time.Timer // ends it, when the server may serve another
	end   context.CancelFunc
}

// renew notes that the server serves this instance for a time from at on.
func (l *assignment) renew(at time.Time, d time.Duration) {
	l.lease.Reset(time.Until(at.Add(d * 9 / 10)))
}

// lose ends the lane at once.
func (l *assignment) lose() {
	l.lost.Store(true)
	l.end()
	l.lane.Lose()
}

// run takes messages until ctx ends, and then drains.
func (p *subscription) run(ctx context.Context) {
	delays := backoff.Backoff()
	for ctx.Err() == nil {
		began := time.Now()
		if err := p.consume(ctx); ctx.Err() == nil {
			p.consumer.health.Set(p.config.Durable, err)
			if time.Since(began) > backoff.MaxDelay {
				delays = backoff.Backoff()
			}
			delay, _ := delays.Next()
			sleep(ctx, delay)
		}
	}
	p.drain()
}

// consume makes sure of the durable consumer and takes what it has, until that fails or
// ctx ends.
func (p *subscription) consume(ctx context.Context) error {
	if p.durable == nil {
		if err := p.ensure(ctx); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		if p.yield.Swap(false) {
			p.drain()
			sleep(ctx, p.wait()) // another is first
		}
		var err error
		if l := p.current(); l != nil && l.paused.Load() {
			err = p.waitWhilePaused(ctx, l)
		} else {
			err = p.fetch(ctx)
		}
		if err != nil {
			return err
		}
		p.consumer.health.Set(p.config.Durable, nil)
	}
	return nil
}

// ensure makes the durable consumer, or changes it to what the settings say. Where it
// begins is said once.
func (p *subscription) ensure(ctx context.Context) error {
	cfg := p.config
	old, err := p.stream.Consumer(ctx, cfg.Durable)
	switch {
	case err == nil:
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = old.CachedInfo().Config.DeliverPolicy, old.CachedInfo().Config.OptStartSeq, old.CachedInfo().Config.OptStartTime
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return err
	case p.wasMade: // somebody deleted it: what is new is not known any more
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	made, err := p.stream.CreateOrUpdateConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("durable consumer %s of stream %s: %w", cfg.Durable, StreamName(p.layout.topic), err)
	}
	p.durable, p.wasMade = made, true
	return nil
}

// wait returns how long a request stays at the server. The server serves this instance for
// as long as it asks in time.
func (p *subscription) wait() time.Duration { return min(p.config.AckWait/3, fetchWait) }

// fetch asks for messages once and gives them to the lane. It returns only errors that
// end what was before.
//
// Who is not served yet asks for one message, which says so, and awaits the answer even
// when ctx ends: the server may take a request that was given up for one to serve.
func (p *subscription) fetch(ctx context.Context) error {
	n, wait, parent := min(maxFetch, p.consumer.cfg.MaxPollRecords), p.wait(), ctx
	if p.isOrdered && p.current() == nil {
		if p.isServed(ctx) {
			return p.begin(ctx, nil)
		}
		n, wait, parent = 1, min(wait, time.Second), context.WithoutCancel(ctx)
	}
	asking, cancel := context.WithTimeout(parent, wait)
	defer cancel() // then the server sends no more
	options := []jetstream.FetchOpt{jetstream.FetchContext(asking), jetstream.FetchHeartbeat(wait / 3)}
	if p.isOrdered {
		options = append(options, jetstream.FetchPriorityGroup(group))
	}
	began := time.Now()
	batch, err := p.durable.Fetch(n, options...)
	if err != nil {
		return p.check(ctx, p.current(), began, err)
	}
	got := 0
	for m := range batch.Messages() {
		got++
		isFirst := p.current() == nil && n == 1
		if p.take(m, batch.Messages()) {
			continue
		}
		cancel()
		if !isFirst {
			m = nil // more of the batch may be on its way
		}
		return p.begin(ctx, m)
	}
	if err = batch.Error(); errors.Is(err, context.DeadlineExceeded) {
		err = nil // there were heartbeats
	}
	if l := p.current(); err == nil && got == 0 && p.isOrdered && l != nil && ctx.Err() == nil {
		return p.look(ctx, l, p.check(ctx, l, began, nil)) // what is missing has nothing behind it that would tell
	}
	return p.check(ctx, p.current(), began, err)
}

// take gives the lane a message and those that are there behind it. It returns false when
// a lane has to begin.
func (p *subscription) take(first jetstream.Msg, more <-chan jetstream.Msg) bool {
	l := p.current()
	if l == nil {
		if p.isOrdered {
			p.pin = first.Headers().Get("Nats-Pin-Id")
			return false
		}
		l = p.assign()
	}
	var batch []message.Message
	defer func() { l.lane.Deliver(batch) }()
	for m, ok := first, true; ok; {
		meta, err := m.Metadata()
		if err != nil {
			return true // none of a stream
		}
		offset := int64(meta.Sequence.Stream)
		if p.isOrdered && (m.Headers().Get("Nats-Pin-Id") != p.pin || meta.Sequence.Consumer != p.next) {
			p.pin = m.Headers().Get("Nats-Pin-Id")
			l.lose()
			return false
		}
		p.next++
		switch {
		case p.isOrdered && (offset <= p.last || p.memory.isDone(meta)) && !l.isHeld(offset): // it is done, and the server does not know
			p.last = max(p.last, offset)
			l.settle(m.Reply())
		case l.hold(offset, m.Reply()):
			p.last, p.lastAt = offset, meta.Timestamp
			batch = append(batch, NewMessage(p.layout, m, meta))
		}
		select {
		case m, ok = <-more:
		default:
			return true
		}
	}
	return true
}

// isServed reports whether the server serves this instance, whose lane has ended. What
// that had will come only later, and nothing else perhaps.
func (p *subscription) isServed(ctx context.Context) bool {
	if p.pin == "" {
		return false
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := p.durable.Info(asking)
	if err != nil {
		return false
	}
	if slices.ContainsFunc(info.PriorityGroups, func(g jetstream.PriorityGroupState) bool { return g.PinnedClientID == p.pin }) {
		return true
	}
	isFree := !slices.ContainsFunc(info.PriorityGroups, func(g jetstream.PriorityGroupState) bool { return g.PinnedClientID != "" })
	if isFree && info.NumAckPending > 0 { // the server was started again: it would wait for who had them
		_ = p.reset(asking) // else they come after AckWait
	}
	p.pin = ""
	return false
}

// assign begins a lane.
func (p *subscription) assign() *assignment {
	ctx, end := context.WithCancel(context.Background())
	l := &assignment{claim: newClaim(p.consumer.js.Conn()), end: end}
	l.lane = p.consumer.Assign(l.claim)
	l.lease = time.AfterFunc(time.Hour, l.lose)
	l.lease.Stop()
	go l.send(ctx)
	go l.tellProgress(ctx, p.config.AckWait)
	p.assignment.Store(l)
	return l
}

// check decides by how a request ended what becomes of the lane, if there is one.
func (p *subscription) check(ctx context.Context, l *assignment, began time.Time, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // to be stopped is no failure
	case err == nil:
		if l != nil {
			l.renew(began, p.config.AckWait)
		}
		return nil
	case errors.Is(err, jetstream.ErrPinIDMismatch): // another is served
		if l != nil {
			l.lose()
		}
		return nil
	}
	return p.look(ctx, l, err)
}

// look asks for the durable consumer after a request failed. It is made again if it is
// gone. Where it has delivered what did not arrive, the lane ends.
func (p *subscription) look(ctx context.Context, l *assignment, cause error) error {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, err := p.durable.Info(asking)
	isGone := errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
	if isGone {
		p.durable = nil
	}
	if l != nil && p.isOrdered && (isGone || err == nil && info.Delivered.Consumer != p.next-1) {
		l.lose()
	}
	if err == nil {
		cause = nil // it is there: what was asked is asked again
	}
	return errors.Join(cause, err)
}

// waitWhilePaused waits while the lane is paused.
func (p *subscription) waitWhilePaused(ctx context.Context, l *assignment) error {
	select {
	case <-l.resume:
		return nil
	case <-ctx.Done():
		return nil
	case <-time.After(p.wait()):
		return p.stayPinned(ctx, l)
	}
}

// stayPinned has the server go on serving this instance: it is asked for a message of a byte,
// which none has. Without an order it is enough that the server answers.
func (p *subscription) stayPinned(ctx context.Context, l *assignment) error {
	if p.durable == nil {
		return jetstream.ErrConsumerNotFound
	}
	asking, cancel := context.WithTimeout(ctx, p.wait()/2)
	defer cancel()
	began := time.Now()
	if !p.isOrdered {
		_, err := p.durable.Info(asking)
		return p.check(ctx, l, began, err)
	}
	batch, err := p.durable.Fetch(1, jetstream.FetchContext(asking), jetstream.FetchMaxBytes(1), jetstream.FetchPriorityGroup(group))
	if err == nil {
		for range batch.Messages() { // there are none
		}
		err = batch.Error()
	}
	return p.check(ctx, l, began, err)
}

// drain ends the lane in order. Then another instance may have the partition, or what was
// not begun.
func (p *subscription) drain() {
	l := p.current()
	if l == nil {
		return
	}
	staying, stop := context.WithCancel(context.Background())
	var stays sync.WaitGroup
	stays.Go(func() {
		for err := error(nil); staying.Err() == nil && err == nil; sleep(staying, p.wait()) {
			err = p.stayPinned(staying, l)
		}
	})
	err := l.lane.Drain(context.Background())
	stop()
	stays.Wait()
	l.lease.Stop()
	l.end()
	p.assignment.Store(nil)
	if err != nil {
		p.consumer.noteUndrained(p.config.Durable, err)
	}
	defer p.remember(l.claim)
	if l.lost.Load() {
		return
	}
	defer l.lost.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), handOverTimeout)
	defer cancel()
	if p.isOrdered {
		if failed := p.handOver(ctx, l); failed != nil && err == nil {
			p.consumer.noteUndrained(p.config.Durable, fmt.Errorf("what was done behind what was not begun may come again: %w", failed))
		}
	} else if err == nil { // nothing runs
		for _, h := range l.holds() {
			_ = l.conn.Publish(h.reply, nak) // else they come again after AckWait
		}
	}
	_ = l.conn.FlushWithContext(ctx)
}

// handOverTimeout is for how long the server is asked to give others what was not begun.
const handOverTimeout = 3 * time.Second

// current returns the life of the lane, nil if there is none or it is lost.
func (p *subscription) current() *assignment {
	l := p.assignment.Load()
	if l != nil && !l.lost.Load() {
		return l
	}
	if l != nil {
		p.remember(l.claim)
	}
	p.assignment.Store(nil)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
