package engine

import (
	"fmt"
	"slices"
	"time"
)

// Stats is what the engine knows of itself at one moment.
type Stats struct {
	Events map[string]int64 // how often each kind of event happened, by its name
	Lanes  int              // assigned
	Paused int              // of those, how many take no messages for now
	Busy   int              // workers that run a handler

	Records int   // messages delivered and not terminal
	Bytes   int64 // what they count for, with an overhead for each
	Refused int   // messages whose dead letter was refused and is tried again
	Waiting int   // messages that wait for something unavailable

	PausedTopics []string // whose messages are kept from the dead letters because none succeeds

	FailedCommits int64 // since the start; each is tried again

	// Window is how many messages would be handled again if the service died
	// now: those delivered beyond what is known to be committed.
	Window int64
}

// Stats returns the present figures.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := Stats{Events: map[string]int64{}, Lanes: len(e.lanes), FailedCommits: e.failedCommits}
	for kind, n := range e.events {
		s.Events[EventKind(kind).String()] = n
	}
	for w := range e.workers {
		if w.queue != nil {
			s.Busy++
		}
	}
	for _, l := range e.lanes {
		s.Records += l.records
		s.Bytes += l.bytes
		s.Refused += l.refused
		s.Waiting += l.waits[waitUnavailable]
		s.Window += int64(l.tracker.end - l.committed)
		if l.paused {
			s.Paused++
		}
		if l.waits[waitHeld] > 0 && !slices.Contains(s.PausedTopics, l.topic) {
			s.PausedTopics = append(s.PausedTopics, l.topic)
		}
	}
	return s
}

// Ready returns why the engine cannot do its work at present, nil when it can.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lanes {
		if err := l.ready(); err != nil {
			return fmt.Errorf("%s/%d: %w", l.topic, l.partition, err)
		}
	}
	if e.commitErr != nil && time.Since(e.failingSince) >= patience*e.cfg.CommitInterval {
		return fmt.Errorf("commits have failed for %v: %w", time.Since(e.failingSince).Round(time.Second), e.commitErr)
	}
	return nil
}

// ready is Ready for one lane.
func (l *Lane) ready() error {
	if l.refused > 0 {
		return fmt.Errorf("%d dead letters are refused and tried again", l.refused)
	}
	if n := l.waits[waitUnavailable]; n > 0 {
		return fmt.Errorf("%d messages wait for something unavailable: %w", n, l.reason)
	}
	if n := l.waits[waitHeld]; n > 0 {
		return fmt.Errorf("dead-lettering is paused, no message succeeds, %d are tried again: %w", n, l.reason)
	}
	return l.checkProgress()
}

// Live returns an error when a handler has been running for longer than
// StuckAfter, which only a restart can end.
func (e *Engine) Live() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.workers {
		if running := time.Since(w.since); w.queue != nil && running >= e.cfg.StuckAfter {
			m := &w.queue.items[0].msg
			return fmt.Errorf("the handler of %s/%d@%d has been running for %v", m.Topic, m.Partition, m.Offset, running.Round(time.Second))
		}
	}
	return nil
}
