package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// lasting is for how many commit intervals something may be wrong before the
// engine is not ready: a rebalance takes that long too.
const lasting = 3

// commits knows how the commits go.
type commits struct {
	failed atomic.Int64 // ever

	mu    sync.Mutex
	since time.Time // when the first failed of those since the last that did not
	err   error     // what it said
}

func (c *commits) fail(err error) {
	c.failed.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.since, c.err = time.Now(), err
	}
}

func (c *commits) succeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = nil
}

// trouble returns an error when commits have been failing for longer than after.
func (c *commits) trouble(after time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil || time.Since(c.since) < after {
		return nil
	}
	return fmt.Errorf("commits have failed for %v: %w", time.Since(c.since).Round(time.Second), c.err)
}

// commit marks how far each lane is done and has the source commit it.
func (e *Engine) commit(ctx context.Context) {
	e.mu.Lock()
	lanes := append([]*Lane(nil), e.lanes...)
	e.mu.Unlock()
	e.terminal.Store(0)
	marks := make([]uint64, len(lanes))
	moved := false
	for i, l := range lanes {
		marks[i] = l.mark()
		moved = moved || marks[i] != l.committed.Load()
	}
	if !moved {
		e.commits.succeed() // what failed to be committed is, or its lane has gone
		return
	}
	if err := e.source.Commit(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			e.commits.fail(err)
			e.log.WarnContext(ctx, "commit failed, tried again at the next interval", "error", err)
		}
		return
	}
	e.commits.succeed()
	for i, l := range lanes {
		l.committed.Store(marks[i])
	}
}
