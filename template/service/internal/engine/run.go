package engine

import "sync/atomic"

// run is a queue that a worker took, and how many of its messages.
type run struct {
	queue *queue // nil once it was taken back
	limit int    // how many it may handle
	done  int    // how many it handled
	owned atomic.Bool
}

// own decides who has a run: the worker, when it begins with it, or the lane,
// which takes back what a worker does not come to. Only the first gets it.
func (r *run) own() bool { return r.owned.CompareAndSwap(false, true) }

// relieve takes back the runs that a worker has not begun, for others to handle:
// a worker takes several keys at once when messages are cheap, and one that then
// takes long would hold up the rest. The worker's runs change only under the lock
// of the lane that it is at.
func (l *Lane) relieve(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.lane.Load() != l || l.ending.Load() || l.batch.Size > 0 {
		return
	}
	for i := range w.runs {
		if r := &w.runs[i]; r.own() {
			l.ready.push(r.queue)
			r.queue = nil
			l.busy--
		}
	}
	l.offer()
}
