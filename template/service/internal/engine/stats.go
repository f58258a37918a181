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
	s := Stats{Events: map[string]int64{}, Lanes: len(e.lanes), Refused: e.refused, FailedCommits: e.commits.failed}
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
		s.Waiting += l.unavailable
		s.Window += int64(l.tracker.end - l.committed)
		if l.paused {
			s.Paused++
		}
		if l.held > 0 && !slices.Contains(s.PausedTopics, l.topic) {
			s.PausedTopics = append(s.PausedTopics, l.topic)
		}
	}
	return s
}

// Ready returns why the engine cannot do its work at present, nil when it can.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused > 0 {
		return fmt.Errorf("%d dead letters are refused and tried again", e.refused)
	}
	for _, l := range e.lanes {
		if l.unavailable > 0 {
			return fmt.Errorf("%s/%d: %d messages wait for something unavailable: %w", l.topic, l.partition, l.unavailable, l.reason)
		}
		if l.held > 0 {
			return fmt.Errorf("dead-lettering of %s is paused, no message succeeds: %w", l.topic, l.reason)
		}
		if err := l.checkProgress(patience * e.cfg.CommitInterval); err != nil {
			return err
		}
	}
	return e.commits.check(patience * e.cfg.CommitInterval)
}

// Live returns an error when a handler has been running for longer than
// StuckAfter, which only a restart can end.
func (e *Engine) Live() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.workers {
		if w.queue == nil || e.cfg.StuckAfter == 0 {
			continue
		}
		if running := time.Since(w.since); running >= e.cfg.StuckAfter {
			m := &w.queue.items[0].msg
			return fmt.Errorf("the handler of %s/%d@%d has been running for %v", m.Topic, m.Partition, m.Offset, running.Round(time.Second))
		}
	}
	return nil
}
