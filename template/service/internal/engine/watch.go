package engine

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// patience is for how many looks a handler may be seen to run before what its
// worker took with it is given to others.
const patience = 2

// watchInterval is how often the watch looks: often enough to see a handler's
// time run out within a tenth of it.
func (e *Engine) watchInterval() time.Duration {
	every := time.Second
	for _, limit := range []time.Duration{e.cfg.HandlerTimeout, e.cfg.StuckAfter} {
		if limit > 0 {
			every = min(every, max(limit/10, time.Millisecond))
		}
	}
	return every
}

// watchOver ends the contexts of handlers whose time is up, notes those that do
// not return all the same, gives to others what waits behind one that takes long,
// and forgets lanes without messages. One look at all workers costs less than a
// timer for each message.
func (e *Engine) watchOver(ctx context.Context, tick <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		e.ageLanes()
		e.mu.Lock()
		workers := slices.Clip(e.workers)
		e.mu.Unlock()
		var stuck *string
		now := time.Now()
		for _, w := range workers {
			if s := w.watch(now); s != "" {
				stuck = &s
			}
		}
		e.stuck.Store(stuck)
	}
}

// watch looks at one worker and returns what to say when its handler is stuck.
func (w *worker) watch(now time.Time) string {
	count := w.count.Load()
	it := w.item.Load()
	if count != w.seen && count&^interrupted != w.seen {
		w.seen, w.seenSince = count&^interrupted, now
		return ""
	}
	if count%2 == 0 {
		return ""
	}
	c, running := &w.engine.cfg, now.Sub(w.seenSince)
	if l := w.lane.Load(); l != nil && running >= patience*w.engine.watchInterval() {
		l.relieve(w)
	}
	if c.HandlerTimeout > 0 && running >= c.HandlerTimeout {
		w.interrupt(count, errTimeout)
	}
	if c.StuckAfter > 0 && running >= c.StuckAfter && it != nil && w.count.Load()&^interrupted == count&^interrupted {
		return fmt.Sprintf("the handler of %s/%d@%d has been running for %v", it.msg.Topic, it.msg.Partition, it.msg.Offset, running.Round(time.Second))
	}
	return ""
}
