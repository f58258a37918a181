package engine

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Engine runs handlers for the messages of any number of lanes.
type Engine struct {
	cfg           Config
	handler       message.Handler
	dead          DeadLetters
	commitMarks   func(context.Context) error
	log           *slog.Logger
	observers     []func(Event)
	seed          maphash.Seed  // for the hashes of keys
	commits       atomic.Int64  // since the start, that succeeded
	failedCommits atomic.Int64  // since the start
	assigned      atomic.Int64  // lanes, since the start
	commitNow     chan struct{} // a commit is due before its time
	stopped       context.Context
	stop          context.CancelCauseFunc // ends stopped, with why if the error policy says so

	mu              sync.Mutex           // guards what follows, and all lanes
	lanes           []*Lane              // assigned, and not yet ended
	turns           []*queue             // those with ready messages, the next one first
	workers         map[*worker]struct{} // that run
	retrying        int                  // those whose message failed before
	held            int64                // bytes of all lanes, and of what handlers have
	failedInARow    map[string]int       // by topic, messages that used up their attempts since one succeeded
	doneSinceCommit int                  // messages done since the last commit began

	commitErr    error     // of the first failed commit since one that succeeded
	failingSince time.Time // when that was
}

// New returns an engine that gives messages to h and writes those that fail for
// good to dead. commitMarks makes durable what was marked on all lanes, and returns
// nil only when it knows that it is; one goroutine calls it, with no lock held.
func New(cfg Config, h message.Handler, dead DeadLetters, commitMarks func(context.Context) error, log *slog.Logger) *Engine {
	const never = math.MaxInt64
	cfg.HandlerTimeout = cmp.Or(cfg.HandlerTimeout, never)
	cfg.StuckAfter = cmp.Or(cfg.StuckAfter, never)
	e := &Engine{
		cfg: cfg, handler: h, dead: dead, commitMarks: commitMarks, log: log,
		seed:         maphash.MakeSeed(),
		commitNow:    make(chan struct{}, 1),
		workers:      map[*worker]struct{}{},
		failedInARow: map[string]int{},
	}
	e.stopped, e.stop = context.WithCancelCause(context.Background())
	return e
}

// Observe makes f see every event, after those that were given before. It is called
// before Run, and f is called from many goroutines at once, so it must be fast and
// safe for that.
func (e *Engine) Observe(f func(Event)) { e.observers = append(e.observers, f) }

// Run commits until ctx ends, when it returns nil, or until the error policy
// stops the engine, when it returns why. Then no handler starts any more. Lanes
// are drained by their owner, before or after.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer e.stop(nil) // no handler starts any more
	defer context.AfterFunc(e.stopped, cancel)()
	tick := time.NewTicker(e.cfg.CommitInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			e.warnStuck()
			e.commit(ctx)
		case <-e.commitNow:
			e.commit(ctx)
		}
	}
	return context.Cause(e.stopped)
}

// Assign begins the life of a lane.
func (e *Engine) Assign(c Claim) *Lane {
	l := &Lane{engine: e, claim: c, keys: map[uint64]*item{}, timers: map[*item]*time.Timer{}}
	l.acker, l.tracker.each = c.(Acker)
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	e.mu.Lock()
	defer e.mu.Unlock()
	c.Resume() // a pause may have outlived the lane's last life
	e.lanes = append(e.lanes, l)
	e.assigned.Add(1)
	return l
}

// commit marks the low-water mark of each lane and commits them.
func (e *Engine) commit(ctx context.Context) {
	e.mu.Lock()
	e.doneSinceCommit = 0
	lanes, moved := slices.Clone(e.lanes), false
	for _, l := range lanes {
		l.mark()
		moved = moved || l.marked != l.committed
	}
	e.mu.Unlock()
	var err error
	if moved { // else what failed before is committed, or its lane has ended
		err = e.commitMarks(ctx)
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		e.log.Warn("commit failed, retrying", "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil || e.commitErr == nil {
		e.commitErr, e.failingSince = err, time.Now()
	}
	if err != nil {
		e.failedCommits.Add(1)
		return
	}
	if moved {
		e.commits.Add(1)
	}
	for _, l := range lanes {
		l.committed = l.marked // only a lane that ended meanwhile has marked more, and commits that itself
	}
}
