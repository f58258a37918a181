package engine

import (
	"fmt"
	"time"
)

// above reports whether what the lane holds in memory, and what it has delivered
// beyond its low-water mark, are above the nth part of their watermarks.
func (l *Lane) above(nth int) (held, span bool) {
	c := &l.engine.cfg
	held = l.records > c.MaxPollRecords/nth || l.bytes > l.limit.Load()/int64(nth)
	return held, l.tracker.span() > c.MaxUncommitted/nth
}

// share gives each lane its part of the bytes that all may hold. It is called
// with e.mu held, after lanes came or went. A lane that is over its new limit is
// paused at its next delivery.
func (e *Engine) share() {
	limit := min(e.cfg.MaxPollBytes, e.cfg.MaxBytes/int64(max(len(e.lanes), 1)))
	for _, l := range e.lanes {
		l.limit.Store(limit)
	}
}

// flow pauses the claim above the watermarks and resumes it below half of
// them. The distance keeps it from doing so all the time.
func (l *Lane) flow() {
	if l.pauser == nil {
		return
	}
	if !l.paused {
		if held, span := l.above(1); held || span {
			l.paused, l.since = true, time.Now()
			l.pauser.Pause()
		}
		return
	}
	if held, span := l.above(2); !held && !span {
		l.paused = false
		l.pauser.Resume()
	}
}

// pinned returns an error when the lane has been paused for longer than after by
// its span alone: one message that does not get done holds back all that follow.
func (l *Lane) pinned(after time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.paused || time.Since(l.since) < after {
		return nil
	}
	if held, span := l.above(2); held || !span {
		return nil
	}
	t := &l.tracker
	return fmt.Errorf("%s/%d takes no messages: %d are done after the one at %d, which is not",
		l.topic, l.partition, t.span()-l.records, t.at(t.base).offset)
}
