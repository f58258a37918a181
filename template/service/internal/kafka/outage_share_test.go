package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Each end of a connection is a delivery to whoever holds messages.
func TestNothingIsLostOverCutConnections(t *testing.T) {
	t.Parallel()
	const messages, cuts = 200, 10
	var network accepted
	c := startCluster(t, topicOf(2), shortLock, kfake.ListenFn(network.listen))
	var h times
	r := share(t, settings(t, c, "MAX_WORKERS", "4"), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	for n := range cuts {
		for p := range int32(2) {
			from := n*messages/cuts + int(p)*messages/cuts/2
			produceAnew(t, c, p, envelopes(t, from, from+messages/cuts/2)...)
		}
		eventually(t, "some are handled", func() bool { return r.handledOf(0)+r.handledOf(1) > n*messages/cuts })
		network.cut()
	}
	eventually(t, "all are handled or dead letters", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(h.counts)+r.counts[engine.DeadLettered] >= messages
	})
	eventually(t, "no lag", func() bool { return lagOf(t, c) == 0 })
}

// lagOf returns how many messages the tests' group has not done, -1 if that is not known.
func lagOf(t *testing.T, c *kfake.Cluster) (sum int64) {
	t.Helper()
	client := newClient(t, c)
	defer client.Close()
	cfg := settings(t, c)
	lags, err := shareLags(t.Context(), client, cfg, []string{"payments"})
	if err != nil || len(lags) == 0 {
		return -1
	}
	for _, l := range lags {
		sum += l.Lag
	}
	return sum
}

func TestAShareGroupSaysThatKafkaIsAwayAndRecovers(t *testing.T) {
	t.Parallel()
	address, data := freeAddress(t), t.TempDir()
	var h times
	r := share(t, settings(t, nil, "KAFKA_BOOTSTRAP_SERVERS", address), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	for n := range 2 { // at the start, and in the middle
		eventually(t, "not ready, and why", func() bool { err := r.Ready(); return err != nil && strings.Contains(err.Error(), "connect") })
		c := startCluster(t, topicOf(1), kfake.Ports(portOf(t, address)), kfake.DataDir(data))
		produce(t, c, 0, envelopes(t, n, n+1)...)
		r.await(t, engine.Handled, n+1)
		eventually(t, "ready", func() bool { return r.Ready() == nil })
		c.Close()
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if !errors.Is(r.Ready(), errStopped) {
		t.Errorf("ready after the end: %v", r.Ready())
	}
}

func TestWhatOnlyAnAdministratorCanCorrectOfAShareGroupIsSaid(t *testing.T) {
	t.Parallel()
	old := kversion.Stable()
	old.SetMaxKeyVersion(int16(kmsg.ShareAcknowledge), 1)
	isNotReady := func(r *sharing, why string) func() bool {
		return func() bool { err := r.Ready(); return err != nil && strings.Contains(err.Error(), why) }
	}
	r := share(t, settings(t, startCluster(t, topicOf(1), kfake.MaxVersions(old))), succeed)
	eventually(t, "Kafka is too old", isNotReady(r, "they want Kafka 4.2"))

	c := startCluster(t, topicOf(1))
	c.ControlKey(int16(kmsg.IncrementalAlterConfigs), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response, resource := kmsg.NewPtrIncrementalAlterConfigsResponse(), kmsg.NewIncrementalAlterConfigsResponseResource()
		response.Version, resource.ErrorCode = request.GetVersion(), kerr.GroupAuthorizationFailed.Code
		response.Resources = append(response.Resources, resource)
		return response, nil, true
	})
	r = share(t, settings(t, c), succeed)
	eventually(t, "the group's settings may not be set", isNotReady(r, "may not set map[share.auto.offset.reset:earliest"))
	eventually(t, "it is tried again", func() bool { return r.Ready() == nil })
}

func TestATopicThatIsMissingStopsNoOtherOfAShareGroup(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	r := share(t, settings(t, c), succeed, "refunds")
	r.await(t, engine.Handled, 3)
	eventually(t, "not ready, and why", func() bool {
		err := r.Ready()
		return err != nil && strings.Contains(err.Error(), `topic "refunds", which the service is to read, does not exist`)
	})
	if err := c.CreateTopic("refunds", 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := newClient(t, c).ProduceSync(t.Context(), &kgo.Record{Topic: "refunds", Value: envelopes(t, 3, 4)[0]}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.await(t, engine.Handled, 4)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
}

func TestATopicThatWasMadeAnewIsReadBySharesAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 3)...)
	var h times
	r := share(t, settings(t, c), func(_ context.Context, m message.Of[payment]) error { h.add(m.Body.N); return nil })
	r.await(t, engine.Handled, 3)
	if _, err := kadm.NewClient(newClient(t, c)).DeleteTopics(t.Context(), "payments"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic("payments", 1, nil); err != nil {
		t.Fatal(err)
	}
	produce(t, c, 0, envelopes(t, 3, 6)...)
	r.await(t, engine.Handled, 6)
	eventually(t, "ready", func() bool { return r.Ready() == nil })
	if wrong := h.notOnce(0, 6); wrong != nil {
		t.Errorf("not handled once: %v", wrong)
	}
}
