package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// breaker stops handlers from starting while most messages ask to be tried
// again, as they do when a database is down. Without it, a whole topic would
// use up its attempts and go to the dead letters. While it is open, one message
// at a time is tried; the first that succeeds closes it.
type breaker struct {
	failures int // that open it, if they are the majority; 0 is never

	open atomic.Bool // read without mu

	mu      sync.Mutex
	since   time.Time // when the present window began
	handled int64     // successes up to then
	failed  int       // in the window
	last    error
	opened  int // how often
}

const (
	breakerWindow = 10 * time.Second
	firstProbe    = 100 * time.Millisecond
	maxProbe      = 5 * time.Second
)

// fail notes an attempt that asked to be tried again, with the number of
// successes so far. It returns how often the breaker has opened if this opened
// it, else 0.
func (b *breaker) fail(err error, handled int64) int {
	if b.failures == 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = err
	if b.open.Load() {
		return 0
	}
	now := time.Now()
	if now.Sub(b.since) > breakerWindow {
		b.since, b.handled, b.failed = now, handled, 0
	}
	b.failed++
	if b.failed < b.failures || int64(b.failed) <= handled-b.handled {
		return 0
	}
	b.opened++
	b.open.Store(true)
	return b.opened
}

// isOpen reports whether the breaker is open since it opened for the nth time.
func (b *breaker) isOpen(nth int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open.Load() && b.opened == nth
}

// succeed closes the breaker.
func (b *breaker) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = time.Time{}
	b.open.Store(false)
}

// err returns why the breaker is open, nil when it is closed.
func (b *breaker) err() error {
	if !b.open.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Errorf("handlers are held back, most messages ask to be tried again: %w", b.last)
}
