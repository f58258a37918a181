package rabbitmq

import "sync"

// callQueue runs callbacks one after another, apart from whoever adds them: a slow
// one delays other callbacks and no publishing.
type callQueue struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

func (q *callQueue) add(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, f)
	if !q.running {
		q.running = true
		go q.run()
	}
}

func (q *callQueue) run() {
	for f := q.next(); f != nil; f = q.next() {
		var call sync.WaitGroup
		call.Go(f) // which may end its goroutine
		call.Wait()
	}
}

func (q *callQueue) next() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running = len(q.waiting) > 0; !q.running {
		return nil
	}
	f := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return f
}
