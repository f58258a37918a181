package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

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
// cut, is a message that would come again behind later ones. So the lane is lost then, and
// the next one begins with the first message that is not acknowledged (handover.go).
type subscription struct {
	consumer  *Consumer
	layout    Layout
	partition int32
	stream    jetstream.Stream
	config    jetstream.ConsumerConfig
	isOrdered bool

	durable jetstream.Consumer    // nil before it is there
	pin     string                // by which the server knows this instance, if it is served
	lane    atomic.Pointer[claim] // nil if there is none
	memory  memory
	yield   atomic.Bool  // the partition is to go to another instance
	lag     atomic.Int64 // -1 before it is known
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
		switch l := p.current(); {
		case l != nil && l.paused.Load():
			err = p.waitWhilePaused(ctx, l)
		case l == nil && p.isOrdered:
			err = p.begin(ctx)
		default:
			err = p.fetch(ctx, l)
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
	if err == nil {
		is := old.CachedInfo().Config
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime, cfg.Metadata = is.DeliverPolicy, is.OptStartSeq, is.OptStartTime, is.Metadata
	} else if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	made, err := p.stream.CreateOrUpdateConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("durable consumer %s of stream %s: %w", cfg.Durable, StreamName(p.layout.topic), err)
	}
	p.durable = made
	return nil
}

// wait returns how long a request stays at the server. The server serves this instance for
// as long as it asks in time.
func (p *subscription) wait() time.Duration { return min(p.config.AckWait/3, fetchWait) }

// ask asks the server for up to n messages, and calls take with each that comes within wait.
// When that returns false the server sends no more.
func (p *subscription) ask(ctx context.Context, n int, wait time.Duration, take func(m jetstream.Msg, isLast bool) bool, options ...jetstream.FetchOpt) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	options = append(options, jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(wait/3))
	if p.isOrdered {
		options = append(options, jetstream.FetchPriorityGroup(group))
	}
	batch, err := p.durable.Fetch(n, options...)
	if err != nil {
		return err
	}
	for m := range batch.Messages() {
		if !take(m, len(batch.Messages()) == 0) {
			return nil
		}
	}
	if err = batch.Error(); errors.Is(err, context.DeadlineExceeded) {
		return nil // there were heartbeats
	}
	return err
}

// fetch asks for messages once and gives them to the lane. It returns only errors that
// end what was before.
func (p *subscription) fetch(ctx context.Context, l *claim) error {
	began, got := time.Now(), 0
	var batch []message.Message // that are there at once
	err := p.ask(ctx, min(maxFetch, p.consumer.cfg.MaxPollRecords), p.wait(), func(m jetstream.Msg, isLast bool) bool {
		if got++; l == nil {
			l = p.assign(began)
		}
		meta, err := m.Metadata()
		if err != nil || p.isOrdered && (m.Headers().Get("Nats-Pin-Id") != p.pin || meta.Sequence.Consumer != l.next) {
			l.lose()
			return false
		}
		offset := int64(meta.Sequence.Stream)
		isDone := p.isOrdered && (offset <= l.delivered || p.memory.isDone(offset))
		l.next, l.delivered = l.next+1, max(l.delivered, offset)
		if l.take(offset, m.Reply(), isDone) {
			batch = append(batch, NewMessage(p.layout, m, meta))
		}
		if isLast {
			l.lane.Deliver(batch)
			batch = batch[:0]
		}
		return true
	})
	return p.check(ctx, l, began, got == 0, err)
}

// assign begins a lane, of a server that serves this instance since then.
func (p *subscription) assign(since time.Time) *claim {
	ctx, end := context.WithCancel(context.Background())
	conn := p.consumer.js.Conn()
	l := &claim{
		conn: conn, reconnects: conn.Stats().Reconnects, next: 1, end: end,
		resume: make(chan struct{}, 1), wake: make(chan struct{}, 1), held: map[int64]string{},
	}
	l.lane = p.consumer.Assign(l)
	l.lease = time.AfterFunc(p.config.AckWait, l.lose)
	l.renew(since, p.config.AckWait)
	go l.send(ctx)
	go l.tellProgress(ctx, p.config.AckWait)
	p.lane.Store(l)
	return l
}

// check decides by how a request ended what becomes of the lane, if there is one. After one
// that failed, the durable consumer is asked for, and made again if it is gone. So it is after
// one that brought nothing: what was delivered and is missing may have nothing behind it that
// would tell.
func (p *subscription) check(ctx context.Context, l *claim, began time.Time, isQuiet bool, err error) error {
	switch {
	case ctx.Err() != nil:
		return nil // to be stopped is no failure
	case l == nil && (err == nil || errors.Is(err, jetstream.ErrPinIDMismatch)):
		return nil
	case errors.Is(err, jetstream.ErrPinIDMismatch): // another is served
		l.lose()
		return nil
	case err == nil:
		l.renew(began, p.config.AckWait)
		if !isQuiet || !p.isOrdered {
			return nil
		}
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	info, failed := p.durable.Info(asking)
	isGone := errors.Is(failed, jetstream.ErrConsumerNotFound) || errors.Is(failed, jetstream.ErrStreamNotFound)
	if isGone {
		p.durable, p.config.DeliverPolicy = nil, jetstream.DeliverAllPolicy // what is new is not known any more
	}
	if l != nil && p.isOrdered && (isGone || failed == nil && info.Delivered.Consumer != l.next-1) {
		l.lose()
	}
	if failed == nil {
		return nil // it is there: what was asked is asked again
	}
	return errors.Join(err, failed)
}

// waitWhilePaused waits while the lane is paused.
func (p *subscription) waitWhilePaused(ctx context.Context, l *claim) error {
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
// which none has.
func (p *subscription) stayPinned(ctx context.Context, l *claim) error {
	began := time.Now()
	err := p.ask(ctx, 1, p.wait()/2, func(jetstream.Msg, bool) bool { return true }, jetstream.FetchMaxBytes(1))
	return p.check(ctx, l, began, false, err)
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
		for err := error(nil); err == nil && p.durable != nil && staying.Err() == nil; sleep(staying, p.wait()) {
			err = p.stayPinned(staying, l)
		}
	})
	err := l.lane.Drain(context.Background())
	stop()
	stays.Wait()
	l.lease.Stop()
	l.end()
	if err != nil {
		p.consumer.noteUndrained(p.config.Durable, err)
	}
	wasLost := l.lost.Swap(true)
	p.current() // what it leaves is remembered
	if wasLost {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handOverTimeout)
	defer cancel()
	if p.isOrdered {
		if failed := p.handOver(ctx); failed != nil && err == nil {
			p.consumer.noteUndrained(p.config.Durable, fmt.Errorf("what was done behind what was not begun may come again: %w", failed))
		}
	} else if err == nil { // nothing runs
		l.tell(nak) // else it comes again after AckWait
		_ = l.conn.FlushWithContext(ctx)
	}
}

// handOverTimeout is for how long the server is asked to give others what was not begun.
const handOverTimeout = 3 * time.Second

// current returns the lane, nil if there is none or it is lost.
func (p *subscription) current() *claim {
	l := p.lane.Load()
	if l == nil || !l.lost.Load() {
		return l
	}
	p.memory = p.memory.with(l.memory())
	p.lane.Store(nil)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
