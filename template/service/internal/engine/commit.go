package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// countTerminal brings the next commit forward when many messages are terminal.
func (e *Engine) countTerminal() {
	if e.terminal++; e.terminal >= e.cfg.CommitRecords {
		select {
		case e.commitNow <- struct{}{}:
		default:
		}
	}
}

// commit marks the low-water mark of each lane and has the source commit them.
func (e *Engine) commit(ctx context.Context) {
	e.mu.Lock()
	e.terminal = 0
	lanes, marks, moved := slices.Clone(e.lanes), []uint64{}, false
	for _, l := range lanes {
		marks = append(marks, l.mark())
		moved = moved || l.marked != l.committed
	}
	e.mu.Unlock()
	var err error
	if moved { // else what failed before is committed, or its lane has ended
		err = e.source.Commit(ctx)
	}
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
	}
	if err == nil || e.commitErr == nil {
		e.commitErr, e.failingSince = err, time.Now()
	}
	for i, l := range lanes {
		if err == nil {
			l.committed = marks[i]
		}
	}
}

// mark marks the low-water mark at the claim and returns it.
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
		case <-time.After(50 * time.Millisecond):
		}
	}
}
