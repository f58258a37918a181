package jetstream

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// handled returns how often handlers ended.
func (b *book) handled() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, all := range b.of {
		n += len(all)
	}
	return n
}

// TestWhatIsDoneDoesNotComeAgainAfterAStop in the middle of work: also what was done behind
// a message that was not begun, and while more is on its way. The order of keys stays.
func TestWhatIsDoneDoesNotComeAgainAfterAStop(t *testing.T) {
	t.Parallel()
	for _, o := range []string{"key", "partition"} {
		t.Run(o, func(t *testing.T) {
			t.Parallel()
			const total, accounts, stops = 1200, 60, 5
			b, done := startBroker(t), newBook()
			cfg := b.settings(ordering(o), func(c *config.JetStream) { c.AckWait = 5 * time.Minute; c.MaxPollRecords = 200 })
			var published sync.WaitGroup
			published.Go(func() { b.publish(0, total, accounts) })
			for n := range stops + 1 {
				r := consume(t, cfg, func(_ context.Context, m message.Of[payment]) error {
					done.note(m, func() { time.Sleep(time.Duration(1+m.Body.N%7) * time.Millisecond) })
					return nil
				})
				eventually(t, "some more is handled", func() bool { return done.distinct() >= min(total, (n+1)*total/(stops+1)) })
				if err := r.stop(); err != nil {
					t.Error(err)
				}
				if r.log.has("level=WARN") {
					t.Errorf("stop %d: %s", n, r.log)
				}
			}
			published.Wait()
			done.check(t, total, accounts)
			if n := done.handled(); n != total {
				t.Errorf("%d were handled, want each of %d once", n, total)
			}
			if n := b.pending(partitions...); n != 0 {
				t.Errorf("%d messages are not acknowledged", n)
			}
		})
	}
}
