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
	lanes, marks := e.markLanes()
	if len(lanes) == 0 {
		return
	}
	err := e.source.Commit(ctx)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		e.log.Warn("commit failed, retrying", "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.failedCommits++
		if e.commitErr == nil {
			e.commitErr, e.failingSince = err, time.Now()
		}
		return
	}
	e.commitErr = nil
	for i, l := range lanes {
		l.committed = marks[i]
	}
}

// markLanes marks all lanes and returns them with their marks; none when
// nothing is to be committed.
func (e *Engine) markLanes() (lanes []*Lane, marks []uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.terminal = 0
	moved := false
	for _, l := range e.lanes {
		marks = append(marks, l.mark())
		moved = moved || l.marked != l.committed
	}
	if !moved {
		e.commitErr = nil // what failed is committed, or its lane has ended
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
		l.engine.failedCommits++
		l.engine.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: the last commit was not confirmed; its messages will be delivered again: %w", err)
		case <-time.After(pause):
		}
	}
}
