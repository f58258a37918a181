package kafka

import (
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestLagIsWhatTheGroupHasNotCommitted proves it for a partition with a commit, for one
// without, for one that lost records behind its commit, and beside a topic that is missing.
func TestLagIsWhatTheGroupHasNotCommitted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(3, "payments"))
	for p := range int32(3) {
		produce(t, c, p, envelopes(t, 0, 5)...)
	}
	admin := connectAdmin(t, c)
	committed := make(kadm.Offsets)
	committed.AddOffset("payments", 0, 4, -1)
	committed.AddOffset("payments", 2, 1, -1)
	if err := admin.CommitAllOffsets(t.Context(), "tests", committed); err != nil {
		t.Fatal(err)
	}
	begin := make(kadm.Offsets)
	begin.AddOffset("payments", 2, 3, -1)
	if _, err := admin.DeleteRecords(t.Context(), begin); err != nil {
		t.Fatal(err)
	}
	got, err := Lag(t.Context(), settings(t, c), []string{"payments", "missing"})
	want := []PartitionLag{{"payments", 0, 4, 5, 1}, {"payments", 1, -1, 5, 5}, {"payments", 2, 1, 5, 2}}
	if !reflect.DeepEqual(got, want) || err == nil || !strings.HasPrefix(err.Error(), `topic "missing", which the service is to read, does not exist`) {
		t.Errorf("%+v, %v, want %+v and that one is missing", got, err, want)
	}
}

// TestLagOfWhatCannotBeReadYet: what an open transaction holds back counts only for who reads it.
func TestLagOfWhatCannotBeReadYet(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	produce(t, c, 0, envelopes(t, 0, 2)...)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.TransactionalID("open"), kgo.DefaultProduceTopic("payments"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseAllowingRebalance)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for isolation, want := range map[string]int64{"read_committed": 2, "read_uncommitted": 3} {
		got, err := Lag(t.Context(), settings(t, c, "KAFKA_ISOLATION_LEVEL", isolation), []string{"payments"})
		if err != nil || len(got) != 1 || got[0].Lag != want {
			t.Errorf("%s: %+v, %v, want a lag of %d", isolation, got, err, want)
		}
	}
}

// TestLagAsksNoFurtherOnceTheGroupIsNotTold: a broker that hangs does so for each question.
func TestLagAsksNoFurtherOnceTheGroupIsNotTold(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	c.ControlKey(kmsg.OffsetFetch.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		response := r.ResponseKind().(*kmsg.OffsetFetchResponse)
		response.ErrorCode = kerr.GroupAuthorizationFailed.Code
		for _, g := range r.(*kmsg.OffsetFetchRequest).Groups {
			response.Groups = append(response.Groups, kmsg.OffsetFetchResponseGroup{Group: g.Group, ErrorCode: kerr.GroupAuthorizationFailed.Code})
		}
		return response, nil, true
	})
	var asked atomic.Bool
	c.ControlKey(kmsg.ListOffsets.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Store(true)
		return nil, nil, false
	})
	_, err := Lag(t.Context(), settings(t, c), []string{"payments"})
	if err == nil || !strings.Contains(err.Error(), `group "tests": the service may not use it`) || asked.Load() {
		t.Errorf("%v, asked for offsets of topics: %v", err, asked.Load())
	}
}
