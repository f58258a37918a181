package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// worker is a goroutine that runs one handler after the other.
type worker struct {
	engine   *Engine
	item     *item     // that it handles, nil for none; guarded by engine.mu
	since    time.Time // when it took that; guarded by engine.mu
	decision decision  // after its last attempt
}

// startWorker starts a worker if a lane may have one more. What makes a message
// ready calls it, and each worker that takes one starts the next. e.mu is held.
func (e *Engine) startWorker() {
	if len(e.workers) >= e.cfg.MaxWorkers || e.nextLane() < 0 {
		return
	}
	w := &worker{engine: e}
	e.workers[w] = struct{}{}
	go w.run()
}

// nextLane returns the index in turns of the first lane that may have a worker,
// -1 for none. Of several lanes none may have more than half of the workers,
// rounded up: a slow one leaves some to others. e.mu is held.
func (e *Engine) nextLane() int {
	most := e.cfg.MaxWorkers
	if len(e.lanes) > 1 {
		most = (most + 1) / 2
	}
	return slices.IndexFunc(e.turns, func(l *Lane) bool { return l.running < most && !e.closed })
}

// run handles messages until none is ready.
func (w *worker) run() {
	ended := false
	defer func() {
		if !ended {
			go w.run() // a handler ended this goroutine with runtime.Goexit
		}
	}()
	for w.next() {
		w.attempt()
	}
	ended = true
}

// next completes what w handled, if anything, and takes the next ready message.
// It returns false when there is none, and then w ends.
func (w *worker) next() bool {
	e := w.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.item != nil {
		w.item.lane.complete(w.item, w.decision)
	}
	i := e.nextLane()
	if i < 0 {
		w.item = nil
		delete(e.workers, w)
		return false
	}
	l := e.turns[i]
	l.running++
	w.item, w.since = l.ready.pop(), time.Now()
	e.turns = slices.Delete(e.turns, i, i+1)
	if len(l.ready) > 0 {
		e.turns = append(e.turns, l)
	}
	e.startWorker()
	return true
}

// attempt runs the handler once, with its own copy of the message and its own
// context. However the handler ends, the attempt has an outcome.
func (w *worker) attempt() {
	e, it := w.engine, w.item
	ctx := &attemptContext{lane: it.lane.ctx, deadline: w.since.Add(e.cfg.HandlerTimeout)}
	defer ctx.end()
	m := it.msg
	err := errNoReturn // unless it returns
	defer func() {
		if v := recover(); v != nil {
			err = message.NewPanicError(v)
		}
		it.msg.Header, it.msg.Retry = m.Header, cmp.Or(m.Retry, it.msg.Retry)
		w.judge(ctx, err)
	}()
	err = e.handler.Handle(ctx, &m)
}

// judge decides about the message and reports what happened to it. A dead
// letter is reported when it is written.
func (w *worker) judge(ctx context.Context, err error) {
	e, it, d := w.engine, w.item, decision{}
	if err != nil {
		d = e.decide(it, err, context.Cause(ctx))
	}
	w.decision = d
	if d.step == stepDeadLetter || d.step == stepLeave {
		return
	}
	e.reporter.report(Event{Kind: d.kind, Message: &it.msg, Err: d.err, Delay: d.delay, Elapsed: time.Since(w.since),
		repeated: d.wait == waitUnavailable && it.wait == waitUnavailable})
	if d.step == stepStop {
		e.stop(fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", it.msg.Topic, it.msg.Partition, it.msg.Offset, d.err))
	}
}

// attemptContext is the context of one attempt: the lane's, with the handler's
// time. It is made when it is first used: many handlers never ask for its end,
// and a timer for each message is a fifth of what the engine costs.
type attemptContext struct {
	lane     context.Context
	deadline time.Time
	once     sync.Once
	made     context.Context
	cancel   context.CancelFunc
}

func (c *attemptContext) use() context.Context {
	c.once.Do(func() { c.made, c.cancel = context.WithDeadlineCause(c.lane, c.deadline, errTimeout) })
	return c.made
}

// end ends the context with its attempt, also for who uses it for the first time later.
func (c *attemptContext) end() {
	c.once.Do(func() { c.made, c.cancel = endedContext, func() {} })
	c.cancel()
}

var endedContext = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (c *attemptContext) Deadline() (time.Time, bool) { return c.deadline, true }
func (c *attemptContext) Done() <-chan struct{}       { return c.use().Done() }
func (c *attemptContext) Err() error                  { return c.use().Err() }
func (c *attemptContext) Value(key any) any           { return c.use().Value(key) }
