package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Drain ends the lane's life in good order: no handler starts any more, what
// waits is dropped (it will be delivered again), what runs may finish, and the
// low-water mark is marked and committed. Handlers have 4/5 of DrainTimeout,
// then their contexts end. Drain returns by DrainTimeout or the end of ctx, and
// says what was not done. To drain a lane that ended does nothing.
func (l *Lane) Drain(ctx context.Context) error {
	timeout := l.engine.cfg.DrainTimeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !l.endIntake() {
		return nil
	}
	var err error
	if !l.waitIdle(ctx, timeout*4/5) {
		l.cancel(errDraining)
		if !l.waitIdle(context.Background(), timeout/10) { // what is left is for the commit
			err = fmt.Errorf("engine: handlers still run after %v; their messages will be delivered again", timeout)
		}
	}
	if !l.detach(true) {
		return err // nothing became terminal since the last commit, or the lane was lost meanwhile
	}
	if commitErr := l.commit(ctx); commitErr != nil {
		return commitErr
	}
	return err
}

// Lose ends the lane's life at once: another member of the group has it already.
// Nothing is marked or committed, and the contexts of its handlers end. It may be
// called while Drain runs, which then commits nothing more.
func (l *Lane) Lose() {
	l.endIntake()
	l.detach(false)
}

// endIntake drops what has not started. It returns false when that was done
// before.
func (l *Lane) endIntake() bool {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.ending {
		return false
	}
	l.ending = true
	close(l.ended)
	for _, timer := range l.waiting {
		timer.Stop()
	}
	for id, q := range e.lingering {
		if q != nil && q.lane == l {
			e.lingering[id] = nil
		}
	}
	e.turns = slices.DeleteFunc(e.turns, func(other *Lane) bool { return other == l })
	l.ready, l.keys, l.waiting = nil, nil, nil
	l.checkIdle()
	return true
}

// checkIdle tells a drain when the lane has nothing left that runs. It is called
// after each end of a handler or a dead letter. e.mu is held.
func (l *Lane) checkIdle() {
	if l.ending && l.running+l.writing == 0 {
		close(l.idle)
	}
}

// waitIdle waits until nothing of the ended lane runs, for at most d or until
// ctx ends. It reports whether that is so.
func (l *Lane) waitIdle(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-l.idle:
		return true
	case <-ctx.Done():
		return false
	}
}

// detach marks the lane's low-water mark, if it is to, and is the end of what it
// tells its claim, except that it resumes it: a pause would outlive the lane. It
// reports whether there is something to commit.
func (l *Lane) detach(mark bool) bool {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	l.cancel(errDraining)
	if l.detached {
		return false
	}
	if mark {
		l.mark()
	}
	l.detached = true
	l.resume()
	e.removeLane(l)
	return mark && l.marked != l.committed
}
