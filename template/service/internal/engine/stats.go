package engine

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// counters counts events by kind.
type counters [len(kindNames)]atomic.Int64

func (c *counters) add(kind EventKind, n int64) { c[kind].Add(n) }

// Stats is what the engine knows of itself at one moment.
type Stats struct {
	Events map[string]int64 // how often each kind of event happened, by its name
	Lanes  int              // assigned
	Paused int              // of those, how many take no messages for now
	Busy   int              // workers that have something to do

	Records int   // messages delivered and not terminal
	Bytes   int64 // their keys, values and headers
	Refused int64 // messages whose dead letter was refused and is tried again
	Waiting int   // messages that wait for something that is away

	FailedCommits int64 // ever; each is tried again

	// Window is how many messages would be handled again if the service died
	// now: those delivered beyond what is known to be committed.
	Window int64
}

// Stats returns the present figures.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	lanes := append([]*Lane(nil), e.lanes...)
	s := Stats{Lanes: len(lanes), Busy: e.busy, Refused: e.refused.Load(), FailedCommits: e.commits.failed.Load(), Events: map[string]int64{}}
	e.mu.Unlock()
	for kind := range e.counters {
		s.Events[EventKind(kind).String()] = e.counters[kind].Load()
	}
	for _, l := range lanes {
		l.mu.Lock()
		s.Records += l.records
		s.Bytes += l.bytes
		s.Waiting += l.away
		s.Window += int64(l.tracker.end - l.committed.Load())
		if l.paused {
			s.Paused++
		}
		l.mu.Unlock()
	}
	return s
}

// Ready returns why the engine cannot do its work at present, nil when it can.
func (e *Engine) Ready() error {
	if n := e.refused.Load(); n > 0 {
		return fmt.Errorf("%d dead letters are refused and tried again", n)
	}
	if n, err := e.waiting(); n > 0 {
		return fmt.Errorf("%d messages wait for what is away and are tried again: %w", n, err)
	}
	if err := e.breaker.err(); err != nil {
		return err
	}
	if err := e.commits.trouble(lasting * e.cfg.CommitInterval); err != nil {
		return err
	}
	return e.pinned()
}

// pinned returns why a lane takes no messages although it has room for them.
func (e *Engine) pinned() error {
	e.mu.Lock()
	lanes := append([]*Lane(nil), e.lanes...)
	e.mu.Unlock()
	for _, l := range lanes {
		if err := l.pinned(lasting * e.cfg.CommitInterval); err != nil {
			return err
		}
	}
	return nil
}

// waiting returns how many messages wait for what they need, not counting those
// behind them, and what one of them said.
func (e *Engine) waiting() (n int, err error) {
	e.mu.Lock()
	lanes := append([]*Lane(nil), e.lanes...)
	e.mu.Unlock()
	for _, l := range lanes {
		l.mu.Lock()
		if n += l.away; l.away > 0 {
			err = l.missing
		}
		l.mu.Unlock()
	}
	return n, err
}

// Live returns an error when a handler has been running for longer than
// StuckAfter, which only a restart can end.
func (e *Engine) Live() error {
	if s := e.stuck.Load(); s != nil {
		return errors.New(*s)
	}
	return nil
}
