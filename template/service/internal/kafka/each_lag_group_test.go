package kafka

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestTheLagIsToldWhileNothingIsFetched: of a partition that is paused, because its
// messages are not done, too.
func TestTheLagIsToldWhileNothingIsFetched(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	produce(t, c, 1, envelopes(t, 0, 5)...)
	free := make(chan struct{})
	r := consume(t, settings(t, c, "MAX_POLL_RECORDS", "1"), func(ctx context.Context, _ message.Of[payment]) error {
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

// TestALagThatNobodyKnowsIsNotTold: not as 0, when a claim begins whose leader has not said
// where the log ends, and not from where a log begins that has no number yet.
func TestALagThatNobodyKnowsIsNotTold(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(2))
	produce(t, c, 0, envelopes(t, 0, 6)...)
	produce(t, c, 1, envelopes(t, 0, 6)...)
	offsets := kadm.Offsets{}
	offsets.AddOffset("payments", 1, 1, -1)
	if err := connectAdmin(t, c).CommitAllOffsets(t.Context(), "tests", offsets); err != nil {
		t.Fatal(err)
	}
	var answers atomic.Bool
	refuseOffsets(c, func() bool { return !answers.Load() })
	free := make(chan struct{})
	r := consume(t, settings(t, c), func(context.Context, message.Of[payment]) error { <-free; return nil }, "payments")
	told := func() map[int32]int64 {
		found := map[int32]int64{}
		r.EachLag(func(_ string, partition int32, lag int64) { found[partition] = lag })
		return found
	}
	eventually(t, "all are read", func() bool { return r.Stats().Records == 11 })
	if lags := told(); len(lags) > 0 {
		t.Errorf("before the leaders have answered it is %v", lags)
	}
	answers.Store(true)
	eventually(t, "the lag of what the group has an offset in", func() bool { _, ok := told()[1]; return ok })
	if lags := told(); !maps.Equal(lags, map[int32]int64{1: 5}) {
		t.Errorf("nothing is done, and it is %v", lags)
	}
	close(free)
	eventually(t, "no lag", func() bool { return maps.Equal(told(), map[int32]int64{0: 0, 1: 0}) })
}

// TestTheLagIsToldFromTheBeginningOfAClaim: after a rebalance it is not 0, nor unknown,
// until the ends are looked at again.
func TestTheLagIsToldFromTheBeginningOfAClaim(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 6)...)
	var asked atomic.Int32
	refuseOffsets(c, func() bool { return asked.Add(1) > 2 }) // where the log begins and where it ends is asked once
	free := make(chan struct{})
	defer close(free)
	r := consume(t, settings(t, c), func(context.Context, message.Of[payment]) error { <-free; return nil }, "payments")
	eventually(t, "all are read", func() bool { return r.Stats().Records == 6 })
	lag := int64(-1)
	if r.EachLag(func(_ string, _ int32, n int64) { lag = n }); lag != 6 {
		t.Errorf("nothing is done of 6, and the lag is %d", lag)
	}
}

// refuseOffsets has the leaders answer that they do not know where logs begin and end,
// when that is so. Sarama is answered.
func refuseOffsets(c *kfake.Cluster, when func() bool) {
	c.ControlKey(int16(kmsg.ListOffsets), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		const sarama = 6 // the version of its request
		request, ok := kreq.(*kmsg.ListOffsetsRequest)
		if !ok || request.Version <= sarama || !when() {
			return nil, nil, false
		}
		response := kmsg.NewPtrListOffsetsResponse()
		response.Version = request.Version
		for _, topic := range request.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, kerr.UnknownServerError.Code
				t.Partitions = append(t.Partitions, p)
			}
			response.Topics = append(response.Topics, t)
		}
		return response, nil, true
	})
}
