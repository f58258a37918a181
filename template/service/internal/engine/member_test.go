package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func (w *world) join() *member {
	m := &member{w: w, active: map[string]running{}}
	m.Engine = New(w.cfg, message.HandlerFunc(w.handle), m, m.Commit, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	w.members = append(w.members, m)
	go func() { _ = m.Run(ctx) }()
	return m
}

// assign starts a life of a partition where the group has committed.
func (w *world) assign(m *member, p *partition) {
	l := &life{w: w, p: p, owner: m, from: p.committed, next: p.committed, marked: p.committed,
		terminal: map[int]bool{}, aborted: map[int]bool{}, paused: true, last: map[string]int{},
		failures: map[int]int{}, waited: map[int]int{}}
	lives.Store(fmt.Sprintf("%p", l), l)
	l.lane = m.Assign(l)
	w.mu.Lock()
	p.lane = l
	w.mu.Unlock()
}

func (l *life) isPaused() bool {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.paused
}

// deliver gives the next n messages to the lane. Invariant 6.
func (l *life) deliver(n int) {
	end := min(l.next+n, len(l.p.log))
	var batch []message.Message
	for ; l.next < end; l.next++ {
		batch = append(batch, *l.message(l.next))
	}
	began := time.Now()
	l.lane.Deliver(batch)
	for i := range batch {
		scribble(&batch[i]) // the source's buffers are its own
	}
	if time.Since(began) > 0 {
		l.w.violate("6: intake waited for %v", time.Since(began))
	}
	l.bounded()
}

// bounded checks that a lane holds no more than its watermarks, what was
// delivered when it was below them, and what had been fetched by then.
// Invariant 6.
func (l *life) bounded() {
	const more, each = 2 * 12, overhead + largest + 32 // its key and its header besides
	l.owner.mu.Lock()
	defer l.owner.mu.Unlock()
	c, now := l.w.cfg, l.lane
	open, above := now.tracker.open.Len(), now.tracker.doneAbove()
	if open > c.MaxPollRecords+more || now.bytes > c.MaxBufferBytes+more*each || open+above > c.MaxUncommitted+more {
		l.w.violate("6: %d records of %d bytes are held, %d are uncommitted", open, now.bytes, open+above)
	}
}

// end ends the present life of a partition. Invariants 7, 11 and 13.
func (w *world) end(p *partition, lose bool) {
	l := p.lane
	began := time.Now()
	w.mu.Lock()
	l.drainFrom = began
	w.mu.Unlock()
	if lose {
		l.lane.Lose()
		w.mu.Lock()
	} else {
		err := l.lane.Drain(context.Background())
		w.mu.Lock()
		w.drained(l, err)
	}
	defer w.mu.Unlock()
	l.over = true
	p.lane = nil
	if l.paused {
		w.violate("13: partition %d was given back paused", p.id)
	}
	if took := time.Since(began); took > w.cfg.DrainTimeout {
		w.violate("11: the drain took %v", took)
	}
}

// drained checks that a drain leaves nothing uncommitted that is done, or says
// so. Invariant 4.
func (w *world) drained(l *life, err error) {
	if err != nil {
		return
	}
	done := l.from
	for done < l.next && l.terminal[done] {
		done++
	}
	if l.p.committed < done {
		w.violate("4: partition %d was given back at %d, but %d was done", l.p.id, l.p.committed, done)
	}
}

// crash ends an engine as kill -9 does: what it knew is gone. Invariant 10.
func (w *world) crash(m *member) {
	window := m.Stats().Window
	w.mu.Lock()
	m.dead = true
	var again int64
	for _, p := range w.partitions {
		if p.lane == nil || p.lane.owner != m {
			continue
		}
		for i := p.committed; i < p.lane.next; i++ {
			if p.lane.terminal[i] {
				again++
			}
		}
	}
	if again > window {
		w.violate("10: %d messages come again, the window was %d", again, window)
	}
	w.mu.Unlock()
	for _, p := range w.partitions {
		if p.lane != nil && p.lane.owner == m {
			w.end(p, true)
		}
	}
	m.stop()
}
