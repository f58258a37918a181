package engine

import (
	"fmt"
	"slices"
	"time"
)

// Stats is what the engine knows of itself at one moment.
type Stats struct {
	Lanes         int                  // assigned
	Paused        int                  // of those, how many take no messages for now
	Busy          int                  // workers that run a handler
	Records       int                  // messages delivered and not done
	Bytes         int64                // what they count for, with an overhead for each
	Refused       int                  // messages whose dead letter was refused and is tried again
	Waiting       int                  // messages that wait for something unavailable
	PausedTopics  []string             // whose messages are kept from the dead letters because none succeeds
	Oldest        map[string]time.Time // by topic, when the oldest message was written that is the first of its lane and not done
	Commits       int64                // since the start, that succeeded
	FailedCommits int64                // since the start; each is tried again
	Assigned      int64                // lanes, since the start

	// Window is how many messages would be handled again if the service died
	// now: those delivered beyond what is known to be committed.
	Window int64
}

// Stats returns the present figures.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{Oldest: map[string]time.Time{}, Lanes: len(e.lanes), Busy: len(e.workers), Commits: e.commits.Load(), FailedCommits: e.failedCommits.Load(), Assigned: e.assigned.Load()}
	for _, l := range e.lanes {
		s.Records += l.tracker.open.Len()
		s.Bytes += l.bytes
		s.Refused += l.waiting[DeadLetterRefused]
		s.Waiting += l.waiting[Unavailable]
		s.Window += int64(l.tracker.delivered - l.committed)
		if first := l.tracker.first(); first != nil {
			if other, ok := s.Oldest[l.topic]; !ok || first.since.Before(other) {
				s.Oldest[l.topic] = first.since
			}
		}
		if l.paused {
			s.Paused++
		}
		if e.isPaused(l) && !slices.Contains(s.PausedTopics, l.topic) {
			s.PausedTopics = append(s.PausedTopics, l.topic)
		}
	}
	return s
}

// isPaused reports whether messages of a lane wait because dead-lettering is paused.
// e.mu is held.
func (e *Engine) isPaused(l *Lane) bool {
	return l.waiting[held] > 0 && e.failedInARow[l.topic] > pauseAfter
}

// namedLanes is how many lanes Ready names.
const namedLanes = 3

// Ready returns why the engine cannot do its work at present, nil when it can.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	long := 3 * e.cfg.CommitInterval // a rebalance takes that long too
	var all error
	wrong := 0
	for _, l := range e.lanes {
		var err error
		first, records, doneAbove := l.tracker.first(), l.tracker.open.Len(), l.tracker.doneAbove()
		switch {
		case l.waiting[DeadLetterRefused] > 0:
			err = fmt.Errorf("%d dead letters are refused and tried again", l.waiting[DeadLetterRefused])
		case l.waiting[Unavailable] > 0:
			err = fmt.Errorf("messages wait for something unavailable (%d): %w", l.waiting[Unavailable], l.lastWaitErr)
		case e.isPaused(l):
			err = fmt.Errorf("dead-lettering is paused, no message succeeds, %d are tried again: %w", l.waiting[held], l.lastWaitErr)
		case !l.paused || time.Since(l.idleSince) < long:
		case records+doneAbove > e.cfg.MaxUncommitted/2 && records <= e.cfg.MaxPollRecords/2:
			err = fmt.Errorf("takes no messages: %d are done after the one at %d, which is not", doneAbove, first.msg.Offset)
		case l.waiting[Retrying] > 0:
			err = fmt.Errorf("takes no messages: %d wait behind what fails and is tried again, the first at %d", records, first.msg.Offset)
		}
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s/%d: %w", l.topic, l.partition, err)
		if wrong++; wrong == 1 {
			all = err
		} else if wrong <= namedLanes {
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	switch failing := time.Since(e.failingSince); {
	case wrong > namedLanes:
		return fmt.Errorf("%w; %d more partitions do not go on", all, wrong-namedLanes)
	case wrong == 0 && e.commitErr != nil && failing >= long:
		return fmt.Errorf("commits have failed for %v: %w", failing.Round(time.Second), e.commitErr)
	}
	return all
}

// Live returns an error when a handler has been running for longer than
// StuckAfter, which only a restart can end.
func (e *Engine) Live() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.workers {
		if running := time.Since(w.since); running >= e.cfg.StuckAfter {
			m := &w.item.msg
			return fmt.Errorf("the handler of %s/%d@%d has been running for %v", m.Topic, m.Partition, m.Offset, running.Round(time.Second))
		}
	}
	return nil
}
