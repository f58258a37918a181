package engine

import (
	"cmp"
	"context"
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
	cfg       Config
	handler   message.Handler
	dead      DeadLetters
	source    Source
	log       *slog.Logger
	observe   func(Event)
	seed      maphash.Seed  // for the hashes of keys
	commitNow chan struct{} // a commit is due before its time
	stopped   context.Context
	stop      context.CancelCauseFunc // ends stopped because the error policy says so

	events [len(kinds)]atomic.Int64

	mu           sync.Mutex // guards what follows, and all lanes
	closed       bool
	lanes        []*Lane                   // assigned, and not yet ended
	turns        []*Lane                   // those with ready keys, the next one first
	workers      map[*worker]struct{}      // that run
	lingering    map[keyID]*queue          // keys whose handler outlived its lane, and what waits for it in the next one
	deadLettered map[string]*deadLettering // by topic
	terminal     int                       // messages since the last commit began

	failedCommits int64     // since the start
	commitErr     error     // of the first failed commit since one that succeeded
	failingSince  time.Time // when that was
}

// New returns an engine that gives messages to h, writes those that fail for
// good to dead, and has source commit. It returns an error that names every
// setting it cannot work with.
func New(cfg Config, h message.Handler, dead DeadLetters, source Source, log *slog.Logger) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	const never = math.MaxInt64
	cfg.HandlerTimeout = cmp.Or(cfg.HandlerTimeout, never)
	cfg.StuckAfter = cmp.Or(cfg.StuckAfter, never)
	e := &Engine{
		cfg: cfg, handler: h, dead: dead, source: source, log: log,
		seed:         maphash.MakeSeed(),
		commitNow:    make(chan struct{}, 1),
		workers:      map[*worker]struct{}{},
		lingering:    map[keyID]*queue{},
		deadLettered: map[string]*deadLettering{},
	}
	e.stopped, e.stop = context.WithCancelCause(context.Background())
	return e, nil
}

// Run commits until ctx ends, when it returns nil, or until the error policy
// stops the engine, when it returns why. Then no handler starts any more. Lanes
// are drained by their owner, before or after.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()
	tick := time.NewTicker(e.cfg.CommitInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			e.commit(ctx)
		case <-e.commitNow:
			e.commit(ctx)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return context.Cause(e.stopped)
}

// Assign begins the life of a lane.
func (e *Engine) Assign(c Claim) *Lane {
	l := newLane(e, c)
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.pauser != nil {
		l.pauser.Resume() // a pause may have outlived the lane's last life
	}
	e.lanes = append(e.lanes, l)
	return l
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

// startWorker starts a worker if a lane may have one more. What makes a key ready
// calls it, and each worker that takes a key starts the next. e.mu is held.
func (e *Engine) startWorker() {
	if len(e.workers) >= e.cfg.MaxWorkers || e.nextLane() < 0 {
		return
	}
	w := &worker{engine: e}
	e.workers[w] = struct{}{}
	go w.run()
}

// next completes what w handled, if anything, and gives it the next ready key.
// It returns false when there is none, and then w ends.
func (e *Engine) next(w *worker) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if w.queue != nil {
		w.queue.lane.complete(w)
	}
	i := e.nextLane()
	if i < 0 {
		w.queue = nil
		delete(e.workers, w)
		return false
	}
	l := e.turns[i]
	l.running++
	w.queue, w.since = l.readyKeys.pop(), time.Now()
	w.item = w.queue.items[0]
	e.turns = slices.Delete(e.turns, i, i+1)
	if len(l.readyKeys) > 0 {
		e.turns = append(e.turns, l)
	}
	e.startWorker()
	return true
}
