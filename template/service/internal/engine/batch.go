package engine

import "time"

// takeBatch gives a worker one message of each ready key, a batch of them.
func (l *Lane) takeBatch(w *worker) {
	if l.ready.length == 0 || !l.filled() {
		return
	}
	l.taken()
	n := min(l.ready.length, l.batch.Size)
	for range n {
		w.runs = append(w.runs, run{queue: l.ready.pop(), limit: 1})
	}
	l.busy += n
	l.offer()
}

// filled reports whether there is a whole batch, or one that has waited long
// enough, or one that waiting cannot fill: the messages behind it wait for it, or
// none are fetched. If not, it makes sure that somebody looks again.
func (l *Lane) filled() bool {
	if l.ready.length >= l.batch.Size || l.due || l.batch.Wait == 0 || l.paused || l.engine.cfg.Ordering == OrderPartition {
		return true
	}
	if l.timer == nil {
		var t *time.Timer
		t = time.AfterFunc(l.batch.Wait, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.timer == t { // else its batch is gone
				l.timer, l.due = nil, true
				l.offer()
			}
		})
		l.timer = t
	}
	return false
}

// taken ends the wait for the batch that a worker took. The next one's has yet
// to begin.
func (l *Lane) taken() {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.timer, l.due = nil, false
}
