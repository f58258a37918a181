package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Drain ends the lane's life in good order: no handler starts any more, what
// waits is dropped (it will be delivered again), what runs may finish, and the
// low-water mark is marked and committed. Handlers have 4/5 of DrainTimeout,
// then their contexts end. It returns by DrainTimeout or the end of ctx, with
// what was not done, or is done and comes again. To drain a lane that ended does nothing.
func (l *Lane) Drain(ctx context.Context) error {
	timeout := l.engine.cfg.DrainTimeout
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !l.endIntake() {
		return nil
	}
	working, cancel := context.WithTimeout(ctx, timeout*4/5)
	defer cancel()
	defer context.AfterFunc(working, func() { l.cancel(errDraining) })()
	wait := func(context.Context) error { l.busy.Wait(); return nil }
	err := message.CallBounded(working, timeout/10, wait) // what is left is for the commit
	if err != nil {
		err = fmt.Errorf("engine: handlers still run after %v; their messages will be delivered again", timeout*9/10)
	}
	isMarked, again := l.detach(true)
	if isMarked {
		err = errors.Join(err, l.commit(ctx))
	}
	if again > 0 {
		err = errors.Join(err, fmt.Errorf("engine: messages that are done and will be delivered again, because one before them is not done: %d", again))
	}
	return err
}

// Lose ends the lane's life at once: another member of the group has it already.
// Nothing is marked or committed, and the contexts of its handlers end. It may be
// called while Drain waits for them, which then commits nothing.
func (l *Lane) Lose() {
	l.endIntake()
	l.detach(false)
}

// endIntake drops what has not started. It returns false when it was done before.
func (l *Lane) endIntake() bool {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.ending {
		return false
	}
	l.ending = true
	for _, timer := range l.timers {
		timer.Stop()
	}
	e.turns = slices.DeleteFunc(e.turns, func(q *queue) bool { return q == &l.fresh || q == &l.retries })
	l.fresh, l.retries, l.keys, l.timers = nil, nil, nil, nil
	return true
}

// detach ends the lane: it marks the low-water mark, if mark is set, resumes the
// claim, as a pause would outlive the lane, and ends the contexts of handlers. It
// reports whether there is something to commit, and how many messages are done and
// come again.
func (l *Lane) detach(mark bool) (isMarked bool, again int) {
	l.cancel(errDraining)
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.detached {
		return false, 0
	}
	if mark {
		l.mark()
	}
	l.detached = true
	again = l.tracker.doneAbove()
	for first := l.tracker.first(); first != nil; first = l.tracker.first() {
		l.tracker.open.Remove(first.place)
		first.next = nil // a handler that outlives the lane keeps no others of its messages in memory
	}
	e.held -= l.bytes
	if l.paused {
		l.claim.Resume()
	}
	e.lanes = slices.DeleteFunc(e.lanes, func(other *Lane) bool { return other == l })
	for _, other := range e.lanes { // they may have more of everything now
		other.adjustFlow()
	}
	e.startWorkers()
	return mark && l.marked != l.committed, again
}

// commit has the claim commit its marks, again and again until it did, no attempt
// can, or ctx ends: a lost commit would have the lane's last messages handled twice.
func (l *Lane) commit(ctx context.Context) error {
	for {
		err := l.claim.Commit(ctx)
		if err == nil {
			l.engine.commits.Add(1)
			return nil
		}
		l.engine.failedCommits.Add(1)
		wait, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		<-wait.Done()
		cancel()
		if ctx.Err() != nil || message.OutcomeOf(err) == message.OutcomePermanent {
			return fmt.Errorf("engine: the last commit was not confirmed; its messages will be delivered again: %w", err)
		}
	}
}
