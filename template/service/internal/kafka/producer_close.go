package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// land notes that all of a crowd are done. It is called with the lock.
func (q *queues) land(c *crowd) {
	close(c.landed)
	q.flying = slices.DeleteFunc(q.flying, func(other *crowd) bool { return other == c })
}

// ahead returns the crowds of all messages accepted so far.
func (q *queues) ahead() []*crowd {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.crowd.left > 0 {
		q.flying = append(q.flying, q.crowd)
		q.crowd = &crowd{landed: make(chan struct{})}
	}
	return slices.Clone(q.flying)
}

// flush waits until all that was accepted so far is done.
func (q *queues) flush(ctx context.Context) error {
	for _, c := range q.ahead() {
		select {
		case <-c.landed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close accepts nothing more, gives what was accepted the time of a drain, and
// returns the messages that it was not enough for, and whether everybody was told
// what became of theirs.
func (q *queues) close(drain time.Duration) (lost []*message.Message, landed bool) {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	if !first {
		return nil, true
	}
	close(q.closing)
	if landed = q.landWithin(drain); !landed {
		close(q.abandon)
		landed = q.landWithin(closingTimeout) // only those whom it is told may hold this up
	}
	q.link.close()
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Concat(q.lost, q.stuck()), landed
}

// stuck returns the messages that are still queued, behind a callback that does
// not return. It is called with the lock, after all else was given up.
func (q *queues) stuck() (all []*message.Message) {
	for _, t := range q.topics {
		for _, l := range t.lanes {
			for _, o := range l.queue {
				if !o.cancelled.Load() {
					all = append(all, o.message)
				}
			}
		}
	}
	return all
}

func (q *queues) landWithin(d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return q.flush(ctx) == nil
}

// abandoned reports whether nobody waits for the broker any more.
func (q *queues) abandoned() bool {
	select {
	case <-q.abandon:
		return true
	default:
		return false
	}
}

// pause lets d pass, or the time until a deadline, or less when everything is
// abandoned.
func (q *queues) pause(d time.Duration, deadline time.Time) {
	t := time.NewTimer(min(d, time.Until(deadline)))
	defer t.Stop()
	select {
	case <-t.C:
	case <-q.abandon:
	}
}

// await returns what f returns, or false when the deadline comes first or
// everything is abandoned. The client's calls know no context.
func await[T any](q *queues, deadline time.Time, f func() T) (T, bool) {
	done := make(chan T, 1)
	go func() { done <- f() }()
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case v := <-done:
		return v, true
	case <-t.C:
	case <-q.abandon:
	}
	var none T
	return none, false
}
