package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Drain ends the lane's life in good order: no handler starts any more, what
// waits is dropped (it will be delivered again), what runs may finish, and how
// far the lane is done is marked and committed. It returns by DrainTimeout or
// the end of ctx, shortly before which running handlers are told to give up,
// and then says what was not done. Draining an ended lane does nothing.
func (l *Lane) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.engine.cfg.DrainTimeout)
	defer cancel()
	if !l.end() {
		return nil
	}
	soft, cancel := context.WithTimeout(ctx, l.engine.cfg.DrainTimeout*4/5)
	defer cancel()
	select {
	case <-l.quietly:
	case <-soft.Done():
		l.interrupt()
	}
	var err error
	select {
	case <-l.quietly:
	case <-time.After(l.engine.cfg.DrainTimeout / 10): // what is left is for the commit
		err = fmt.Errorf("engine: handlers still run after %v; their messages will be delivered again", l.engine.cfg.DrainTimeout)
	}
	marked := l.mark()
	l.die()
	if marked == l.committed.Load() {
		return err // nothing became terminal since the last commit
	}
	if cerr := l.commit(ctx); cerr != nil {
		return cerr
	}
	l.committed.Store(marked)
	return err
}

// Lose ends the lane's life at once: somebody else has it already. Nothing is
// marked or committed, and running handlers are told to give up.
func (l *Lane) Lose() {
	l.end()
	l.die()
	l.interrupt()
}

// end stops intake and drops what has not started. It returns false when that
// was done before.
func (l *Lane) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending.Swap(true) {
		return false
	}
	close(l.ended)
	l.ready, l.keys, l.free = queues{}, map[uint64]*queue{}, nil
	l.rest()
	return true
}

// rest tells the drain when nothing of an ending lane is busy any more. It is
// called with l.mu held, after whatever was busy.
func (l *Lane) rest() {
	if l.ending.Load() && l.busy == 0 && !l.rested {
		l.rested = true
		close(l.quietly)
	}
}

// die makes the lane say nothing to its claim any more, but lets it flow again:
// a pause would outlive it.
func (l *Lane) die() {
	l.mu.Lock()
	l.dead = true
	if l.pauser != nil && l.paused {
		l.paused = false
		l.pauser.Resume()
	}
	l.mu.Unlock()
	l.engine.remove(l)
}

// interrupt tells what still runs for the lane to give up.
func (l *Lane) interrupt() {
	l.giveUp()
	e := l.engine
	e.mu.Lock()
	workers := slices.Clip(e.workers)
	e.mu.Unlock()
	for _, w := range workers {
		// The count is read first: if the worker goes to another lane after
		// it, the interruption misses, as it should.
		count := w.count.Load()
		if w.lane.Load() == l && count%2 == 1 {
			w.interrupt(count, errDraining)
		}
	}
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
		l.engine.commits.failed.Add(1)
		select {
		case <-ctx.Done():
			return fmt.Errorf("engine: the last commit was not confirmed; its messages will be delivered again: %w", err)
		case <-time.After(pause):
		}
	}
}
