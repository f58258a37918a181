package kafka

import (
	"context"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestTheLagIsToldWhileNothingIsFetched: of a partition that is paused, because its
// messages are not done, too.
func TestTheLagIsToldWhileNothingIsFetched(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	produce(t, c, 1, envelopes(t, 0, 5)...)
	free := make(chan struct{})
	r := consume(t, settings(t, c, "KAFKA_MAX_POLL_RECORDS", "1"), func(ctx context.Context, _ message.Of[payment]) error {
		select {
		case <-free:
		case <-ctx.Done():
		}
		return nil
	}, "payments")
	is := func(want int64) func() bool {
		return func() bool {
			found := map[int32]int64{0: -1, 1: -1}
			r.EachLag(func(_ string, partition int32, lag int64) { found[partition] = lag })
			return found[0] == 0 && found[1] == want
		}
	}
	eventually(t, "a lag of what is there", is(5))
	eventually(t, "a pause", func() bool { return r.Stats().Paused == 1 })
	produce(t, c, 1, envelopes(t, 5, 8)...)
	eventually(t, "a lag of what came since", is(8))
	close(free)
	eventually(t, "no lag", is(0))
}
