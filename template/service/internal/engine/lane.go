package engine

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Lane is one ordered unit of a source during one life: from its assignment
// until it is drained or lost. Deliver, Drain and Lose are for its owner, one
// goroutine.
type Lane struct {
	engine *Engine
	claim  Claim
	pauser Pauser // nil when the claim is none

	// Guarded by engine.mu.
	workers int  // how many are here
	active  bool // had messages lately
	quiet   int  // ticks since the last delivery

	inLine    atomic.Bool   // among engine.turns
	touched   atomic.Bool   // had a delivery since the last tick
	ending    atomic.Bool   // no handler starts any more
	cost      atomic.Int64  // what a message takes, in nanoseconds, as a moving average
	limit     atomic.Int64  // bytes that it may hold in memory before it is paused
	committed atomic.Uint64 // the low-water mark that was committed last

	ctx    context.Context // ends when the lane must give up what it still does
	giveUp context.CancelFunc

	mu        sync.Mutex
	topic     string // known from the first message on
	partition int32
	tracker   tracker
	keys      map[uint64]*queue // queues by their key's hash; keys that share one only wait for each other
	ready     queues
	batch     message.Batch // of the lane's topic; its size is 0 for one by one
	timer     *time.Timer   // of the batch that is filling up, nil for none
	due       bool          // that has waited long enough
	free      *queue        // for reuse
	records   int           // delivered and not terminal
	bytes     int64         // of those
	busy      int           // queues with a worker or at the dead letters
	away      int           // messages that wait for what they need
	missing   error         // what the last of those said
	paused    bool
	since     time.Time // when it was paused
	dead      bool      // nothing is marked any more
	marked    uint64    // the low-water mark that was marked last
	rested    bool      // quietly is closed

	ended   chan struct{} // closed when the lane is ending
	quietly chan struct{} // closed when the lane is ending and no queue is busy
}

func newLane(e *Engine, c Claim) *Lane {
	l := &Lane{engine: e, claim: c, keys: map[uint64]*queue{},
		ended: make(chan struct{}), quietly: make(chan struct{})}
	l.pauser, _ = c.(Pauser)
	l.ctx, l.giveUp = context.WithCancel(context.Background())
	return l
}

// Deliver hands over messages in the order of the lane. It never waits for
// work; above the watermarks it pauses the claim. The engine copies batch, but
// not the bytes that its messages point to. What is delivered to an ending
// lane is dropped: it will be delivered again.
func (l *Lane) Deliver(batch []message.Message) {
	if len(batch) == 0 {
		return
	}
	if !l.touched.Swap(true) {
		l.engine.activate(l)
	}
	items := make([]item, len(batch)) // one allocation for all
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending.Load() {
		return
	}
	if l.tracker.end == 0 {
		l.begin(&batch[0])
	}
	for i := range batch {
		it := &items[i]
		it.msg = batch[i]
		it.msg.Attempt = 1
		it.seq = l.tracker.add(it.msg.Offset)
		l.records++
		it.size = sizeOf(&it.msg)
		l.bytes += it.size
		q := l.queueFor(it)
		q.push(it)
		if q.length == 1 {
			l.ready.push(q)
		}
	}
	l.flow()
	l.offer()
}

// begin learns from the lane's first message which lane it is.
func (l *Lane) begin(m *message.Message) {
	l.topic, l.partition = m.Topic, m.Partition
	if l.engine.batcher != nil {
		l.batch = l.engine.batcher.Batch(m.Topic)
	}
}

// queueFor returns the queue that a message waits in.
func (l *Lane) queueFor(it *item) *queue {
	var hash uint64
	switch {
	case l.engine.cfg.Ordering == OrderNone,
		l.engine.cfg.Ordering == OrderKey && it.msg.Key == nil:
		return l.newQueue()
	case l.engine.cfg.Ordering == OrderKey:
		hash = maphash.Bytes(l.engine.seed, it.msg.Key)
	}
	q, ok := l.keys[hash]
	if !ok {
		q = l.newQueue()
		q.hash, q.keyed = hash, true
		l.keys[hash] = q
	}
	return q
}

func (l *Lane) newQueue() *queue {
	q := l.free
	if q == nil {
		return &queue{}
	}
	l.free, q.next = q.next, nil
	return q
}

// release puts a queue that is nowhere to where it belongs: among the ready
// ones, or away when it is empty. An ending lane has forgotten its queues.
func (l *Lane) release(q *queue) {
	if l.ending.Load() {
		return
	}
	if q.length > 0 {
		l.ready.push(q)
		return
	}
	if q.keyed {
		delete(l.keys, q.hash)
	}
	*q = queue{next: l.free}
	l.free = q
}

// finish makes the first message of a queue terminal. It is not touched: its
// handler may have left somebody behind who reads it.
func (l *Lane) finish(q *queue) {
	it := q.pop()
	l.records--
	l.bytes -= it.size
	l.tracker.done(it.seq)
}

// offer lets workers know that there is something to do.
func (l *Lane) offer() {
	if l.ready.length > 0 && l.filled() {
		l.engine.offer(l)
	}
}

// turn bounds how long a worker stays with a lane before others get theirs.
const turn = 200 * time.Microsecond

// maxTake bounds how many messages a worker takes at once.
const maxTake = 64

// take gives a worker its fair share of the ready keys, and of each as many
// messages as fit into one turn. Where a message takes long, or it is not known
// yet how long, that is one. Of cheap messages it is many, so that handing over
// costs little.
func (l *Lane) take(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.lane.Store(l)
	if l.batch.Size > 0 {
		l.takeBatch(w)
		return
	}
	total := 1
	if cost := l.cost.Load(); cost > 0 && !l.engine.breaker.open.Load() {
		total = min(max(int(int64(turn)/cost), 1), maxTake)
	}
	n := min(max(l.ready.length/l.engine.cfg.MaxWorkers, 1), total, l.ready.length)
	for range n {
		q := l.ready.pop()
		w.runs = append(w.runs, run{queue: q, limit: min(max(total/n, 1), q.length)})
	}
	l.busy += n
	l.offer()
}

// complete takes back what a worker handled, and what it left.
func (l *Lane) complete(w *worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.lane.Store(nil)
	before := l.records
	for i := range w.runs {
		if r := &w.runs[i]; r.queue != nil {
			l.busy--
			if !l.dead {
				l.settle(r)
			}
		}
	}
	if !l.dead {
		l.engine.countTerminal(before - l.records)
		l.flow()
		l.offer()
	}
	l.rest()
}

// settle puts one queue, after a worker had it, to where it belongs.
func (l *Lane) settle(r *run) {
	q := r.queue
	for range r.done {
		it := q.head
		l.await(it)
		switch it.verdict {
		case terminal:
			l.finish(q)
			continue
		case tryAgain:
			it.msg.Attempt++
			l.retry(q, it)
		case awaitIt:
			l.retry(q, it)
		case deadLetter:
			l.busy++
			go l.bury(q, it)
		case leaveIt:
		}
		return
	}
	l.release(q)
}

// await notes whether a message waits for what it needs.
func (l *Lane) await(it *item) {
	away := it.verdict == awaitIt
	if away {
		l.missing = it.failed
	}
	switch {
	case away && !it.away:
		l.away++
	case !away && it.away:
		l.away--
	}
	it.away = away
}

// mark tells the claim how far the lane is done and returns that mark.
func (l *Lane) mark() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead && l.tracker.base > l.marked {
		l.claim.Mark(l.tracker.low)
		l.marked = l.tracker.base
	}
	return l.marked
}
