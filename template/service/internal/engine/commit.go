package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// patience is for how many commit intervals something may be wrong before the
// engine is not ready: a rebalance takes that long too.
const patience = 3

// commitHealth knows how the commits go.
type commitHealth struct {
	failed int64     // since the start
	since  time.Time // when the first failed of those since the last that did not
	err    error     // what it said
}

func (c *commitHealth) note(err error) {
	switch {
	case err == nil:
		c.err = nil
		return
	case c.err == nil:
		c.since, c.err = time.Now(), err
	}
	c.failed++
}

// check returns an error when commits have been failing for longer than after.
func (c *commitHealth) check(after time.Duration) error {
	if c.err == nil || time.Since(c.since) < after {
		return nil
	}
	return fmt.Errorf("commits have failed for %v: %w", time.Since(c.since).Round(time.Second), c.err)
}

// countTerminal brings the next commit forward when many messages became
// terminal. e.mu is held.
func (e *Engine) countTerminal() {
	if e.terminal++; e.terminal >= e.cfg.CommitRecords {
		select {
		case e.commitNow <- struct{}{}:
		default:
		}
	}
}

// commitRegularly commits at each interval, and when it is due before, until ctx
// ends.
func (e *Engine) commitRegularly(ctx context.Context) {
	tick := time.NewTicker(e.cfg.CommitInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.commitNow:
		}
		e.commit(ctx)
	}
}

// commit marks the low-water mark of each lane and has the source commit them.
func (e *Engine) commit(ctx context.Context) {
	lanes, marks := e.markAll()
	if len(lanes) == 0 {
		return
	}
	err := e.source.Commit(ctx)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		e.log.WarnContext(ctx, "commit failed, retrying", "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.commits.note(err)
	for i, l := range lanes {
		if err == nil {
			l.committed = marks[i]
		}
	}
}

// markAll marks all lanes and returns them with their marks; none when nothing
// is to be committed.
func (e *Engine) markAll() ([]*Lane, []uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.terminal = 0
	marks := make([]uint64, len(e.lanes))
	moved := false
	for i, l := range e.lanes {
		marks[i] = l.mark()
		moved = moved || marks[i] != l.committed
	}
	if !moved {
		e.commits.note(nil) // what failed is committed, or its lane has ended
		return nil, nil
	}
	return slices.Clone(e.lanes), marks
}

// mark tells the claim how far the lane is done and returns that mark. e.mu is
// held.
func (l *Lane) mark() uint64 {
	if !l.detached && l.tracker.base > l.marked {
		l.claim.Mark(l.tracker.low)
		l.marked = l.tracker.base
	}
	return l.marked
}

// commit has the claim commit its marks, again and again until it did or ctx
// ends: a lost commit would have the lane's last messages handled twice.
func (l *Lane) commit(ctx context.Context) error {
	const pause = 50 * time.Millisecond
	for {
		err := l.claim.Commit(ctx)
		if err == nil {
			return nil
		}
		l.engine.mu.Lock()
		l.engine.commits.failed++
		l.engine.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: the last commit was not confirmed; its messages will be delivered again: %w", err)
		case <-time.After(pause):
		}
	}
}
