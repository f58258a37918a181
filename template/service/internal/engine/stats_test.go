package engine

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The oldest message of a topic is that of all its lanes, and what is done is none.
func TestStatsKnowTheOldestMessageThatIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		b := start(t, settings(), func(context.Context, *message.Message) error { <-free; return nil })
		began := time.Now()
		for partition, written := range []time.Time{began.Add(-time.Hour), began.Add(-2 * time.Hour), {}} {
			batch := batch(0, 1)
			batch[0].Partition, batch[0].Time = int32(partition), written
			if written.IsZero() {
				batch[0].Topic = "refunds" // without a time it is as old as its delivery
			}
			b.Assign(b).Deliver(batch)
		}
		elapse(time.Second)
		if got, want := b.Stats().Oldest, map[string]time.Time{"payments": began.Add(-2 * time.Hour), "refunds": began}; !maps.Equal(got, want) {
			t.Errorf("oldest %v, want %v", got, want)
		}
		close(free)
		elapse(time.Second)
		if got := b.Stats().Oldest; len(got) > 0 {
			t.Errorf("oldest %v, though all is done", got)
		}
	})
}
