package engine

import (
	"slices"
	"time"
)

// activeTicks is for how many ticks of the watch a lane counts as active after
// its last delivery.
const activeTicks = 5

// offer puts a lane that has ready keys in line, unless it is there already.
func (e *Engine) offer(l *Lane) {
	if !l.inLine.CompareAndSwap(false, true) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turns = append(e.turns, l)
	e.rouse()
}

// rouse wakes a worker, or starts one. A worker that finds more work than it
// takes rouses the next. It is called with e.mu held.
func (e *Engine) rouse() {
	switch {
	case e.closed:
	case e.idle > 0:
		e.wake.Signal()
	case len(e.workers) < e.cfg.MaxWorkers:
		w := newWorker(e)
		e.workers = append(e.workers, w)
		e.busy++ // from its start, so that it is not started twice
		go w.loop()
	}
}

// stir rouses a worker when there is work for one. Whoever makes a lane eligible
// other than by offering it calls it, with e.mu held, and so does a worker that
// found a lane: the signals of two offers may have woken it alone.
func (e *Engine) stir() {
	if e.eligible() >= 0 {
		e.rouse()
	}
}

// next gives a worker the lane whose turn it is, waiting for one when there is
// none. It returns nil when the engine closed. The lane that the worker comes
// from, if any, loses it.
func (e *Engine) next(from *Lane) *Lane {
	e.mu.Lock()
	defer e.mu.Unlock()
	if from != nil {
		e.shares.left(from)
	}
	e.busy--
	for {
		if e.closed {
			return nil
		}
		if i := e.eligible(); i >= 0 {
			l := e.turns[i]
			e.turns = slices.Delete(e.turns, i, i+1)
			l.inLine.Store(false)
			e.shares.took(l)
			e.busy++
			e.probe = false
			e.stir()
			return l
		}
		e.idle++
		e.wake.Wait()
		e.idle--
	}
}

// eligible returns the first lane in line that may have a worker, -1 when
// there is none.
func (e *Engine) eligible() int {
	if e.breaker.open.Load() && !e.probe {
		return -1
	}
	free := e.cfg.MaxWorkers - e.busy
	for i, l := range e.turns {
		if e.shares.allows(l, free) {
			return i
		}
	}
	return -1
}

// Assign begins the life of a lane.
func (e *Engine) Assign(c Claim) *Lane {
	l := newLane(e, c)
	if l.pauser != nil {
		l.pauser.Resume() // a pause may have outlived the lane's last life
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lanes = append(e.lanes, l)
	e.share()
	l.active = true // until it turns out that it is not
	e.shares.reset(e.lanes, e.cfg.MaxWorkers)
	return l
}

// remove ends the engine's knowledge of a lane.
func (e *Engine) remove(l *Lane) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lanes = slices.DeleteFunc(e.lanes, func(other *Lane) bool { return other == l })
	l.active = false
	e.share()
	e.shares.reset(e.lanes, e.cfg.MaxWorkers)
	e.stir()
}

// activate counts a lane as active from its first delivery on.
func (e *Engine) activate(l *Lane) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !l.active && slices.Contains(e.lanes, l) {
		l.active = true
		e.shares.reset(e.lanes, e.cfg.MaxWorkers)
	}
}

// ageLanes takes lanes without deliveries out of the active ones.
func (e *Engine) ageLanes() {
	e.mu.Lock()
	defer e.mu.Unlock()
	changed := false
	for _, l := range e.lanes {
		if l.touched.Swap(false) {
			l.quiet = 0
			continue
		}
		if l.quiet++; l.active && l.quiet > activeTicks && l.workers == 0 {
			l.active, changed = false, true
		}
	}
	if changed {
		e.shares.reset(e.lanes, e.cfg.MaxWorkers)
		e.stir()
	}
}

// probeAfter lets one message be tried after d although the breaker is open, and
// then another one, ever later, until the breaker closes.
func (e *Engine) probeAfter(d time.Duration, opening int) {
	time.AfterFunc(d, func() {
		if !e.breaker.isOpen(opening) {
			return
		}
		e.mu.Lock()
		e.probe = true
		e.rouse()
		e.mu.Unlock()
		e.probeAfter(min(2*d, maxProbe), opening)
	})
}

// closeBreaker lets handlers start again.
func (e *Engine) closeBreaker() {
	e.breaker.succeed()
	e.log.Info("handlers start again")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stir()
}
