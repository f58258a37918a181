package engine

import (
	"fmt"
	"time"
)

// above reports whether what the lane holds in memory, and what was delivered
// beyond its low-water mark, are above the nth part of their limits. Lanes share
// the bytes evenly.
func (l *Lane) above(nth int) (held, span bool) {
	c := &l.engine.cfg
	bytes := c.MaxBytes / int64(max(len(l.engine.lanes), 1)*nth)
	return l.records > c.MaxPollRecords/nth || l.bytes > bytes, l.tracker.span() > c.MaxUncommitted/nth
}

// adjustFlow pauses the claim above the limits and resumes it at half of them.
// The distance keeps it from doing so all the time.
func (l *Lane) adjustFlow() {
	if l.pauser == nil || l.detached {
		return
	}
	if !l.paused {
		if held, span := l.above(1); held || span {
			l.paused, l.pausedAt = true, time.Now()
			l.pauser.Pause()
		}
		return
	}
	if held, span := l.above(2); !held && !span {
		l.resume()
	}
}

// resume lets the claim deliver again if it was paused.
func (l *Lane) resume() {
	if l.paused {
		l.paused = false
		l.pauser.Resume()
	}
}

// checkProgress returns an error when the lane has been paused for longer than
// after by its span alone: one message holds back all that follow.
func (l *Lane) checkProgress(after time.Duration) error {
	if !l.paused || time.Since(l.pausedAt) < after {
		return nil
	}
	if held, span := l.above(2); held || !span {
		return nil
	}
	t := &l.tracker
	return fmt.Errorf("%s/%d takes no messages: %d are done after the one at %d, which is not",
		l.topic, l.partition, t.span()-l.records, t.at(t.base).offset)
}
