package engine

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Engine runs handlers for the messages of any number of lanes.
type Engine struct {
	cfg     Config
	handler message.Handler
	observe func(Event)
	seed    maphash.Seed // for the keys' hashes
	batcher Batcher      // nil when the handler is none
	dead    DeadLetters
	source  Source
	log     *slog.Logger
	hurry   chan struct{} // a commit is due before its time
	stopped chan error    // the error policy asks to stop

	mu      sync.Mutex // never taken before a lane's
	wake    sync.Cond  // a worker may find something to do
	closed  bool
	lanes   []*Lane   // assigned, and not yet ended
	turns   []*Lane   // those with ready keys, the next one first
	workers []*worker // all ever started
	idle    int       // workers that wait
	busy    int       // workers that do not
	shares  shares
	probe   bool // one message may be tried although the breaker is open

	terminal atomic.Int64 // messages since the last commit

	commits  commits
	breaker  breaker
	counters *counters    // by itself: it is written for each message, and what is beside it would be slow to read
	refused  atomic.Int64 // messages whose dead letter was refused and is tried again
	stuck    atomic.Pointer[string]
}

// New returns an engine that gives messages to h, writes those that fail for
// good to dead, and has source commit. It returns an error that names every
// setting it cannot work with.
func New(cfg Config, h message.Handler, dead DeadLetters, source Source, log *slog.Logger) (*Engine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, handler: h, dead: dead, source: source, log: log,
		seed:     maphash.MakeSeed(),
		hurry:    make(chan struct{}, 1),
		stopped:  make(chan error, 1),
		breaker:  breaker{failures: cfg.BreakerFailures},
		counters: new(counters),
	}
	e.batcher, _ = h.(Batcher)
	e.wake.L = &e.mu
	return e, nil
}

// Run commits and watches over the workers until ctx ends, when it returns
// nil, or until the error policy stops the engine, when it returns why. Lanes
// are drained by their owner, before or after.
func (e *Engine) Run(ctx context.Context) error {
	defer e.close()
	commit := time.NewTicker(e.cfg.CommitInterval)
	defer commit.Stop()
	watch := time.NewTicker(e.watchInterval())
	defer watch.Stop()
	go e.watchOver(ctx, watch.C)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-e.stopped:
			return err
		case <-commit.C:
		case <-e.hurry:
		}
		e.commit(ctx)
	}
}

// close lets idle workers go. Busy ones finish what they have.
func (e *Engine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.wake.Broadcast()
}

// stop asks Run to return because of a message that failed.
func (e *Engine) stop(m *message.Message, err error) {
	err = fmt.Errorf("stopped by the error policy at %s/%d@%d: %w", m.Topic, m.Partition, m.Offset, err)
	select {
	case e.stopped <- err:
	default: // one reason is enough
	}
}

// countTerminal notes that n messages became terminal and brings the next
// commit forward when there are many.
func (e *Engine) countTerminal(n int) {
	if n > 0 && e.terminal.Add(int64(n)) >= int64(e.cfg.CommitRecords) {
		select {
		case e.hurry <- struct{}{}:
		default:
		}
	}
}
