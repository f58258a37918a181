package kafka

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
)

// isNotReady reports whether a consumer says that it is not ready, with all the words.
func isNotReady(r *running, words ...string) bool {
	err := r.Ready()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			return false
		}
	}
	return true
}

// loseLeader takes the leader of a partition of payments away.
func loseLeader(c *kfake.Cluster, partition int32) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata, kmsg.ListOffsets, kmsg.Fetch}, Topic: "payments",
		Partitions: []int32{partition}, Err: kerr.LeaderNotAvailable, Count: -1,
	})
}

// TestAPartitionWithoutALeaderStopsNoOther, at the start and later, and is taken up when
// it has one, without a rebalance.
func TestAPartitionWithoutALeaderStopsNoOther(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c, log := startCluster(t, topicOf(3)), new(logBuffer)
			for p := range int32(3) {
				produce(t, c, p, envelopes(t, 0, 5)...)
			}
			lost := loseLeader(c, 1)
			r := consumeLogging(t, settings(t, c, "KAFKA_REBALANCE_STRATEGY", strategy), textLog(log), succeed, "payments")
			r.await(t, engine.Handled, 10)
			eventually(t, "not ready, and why", func() bool { return isNotReady(r, "payments/1", "no leader") })
			generation := stable(t, c, 1).Epoch
			lost.Remove()
			r.await(t, engine.Handled, 15)
			eventually(t, "ready", func() bool { return r.Ready() == nil })

			lost = loseLeader(c, 2)
			eventually(t, "not ready, and why", func() bool { return isNotReady(r, "payments/2", "no leader") })
			for i := range 20 { // as long as it takes to fetch so often
				produce(t, c, 0, envelopes(t, i, i+1)...)
				r.await(t, engine.Handled, 16+i)
				if !isNotReady(r, "payments/2") {
					t.Errorf("ready between two attempts: %v", r.Ready())
				}
			}
			lost.Remove()
			produce(t, c, 2, envelopes(t, 0, 1)...)
			r.await(t, engine.Handled, 36)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if after := stable(t, c, 1).Epoch; after != generation {
				t.Errorf("generation %d, was %d: a rebalance for what it cannot change", after, generation)
			}
			for _, part := range []string{"part=payments/1", "part=payments/2"} {
				if log.line("level=WARN", notConsuming, part) == "" || log.line("level=INFO", "consuming again", part) == "" {
					t.Errorf("the log does not name %s, or its end:\n%s", part, log)
				}
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATopicThatIsMissingStopsNoOther, at the start and when it is deleted later.
func TestATopicThatIsMissingStopsNoOther(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{"sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			c, log := startCluster(t, topicOf(1)), new(logBuffer)
			produce(t, c, 0, envelopes(t, 0, 5)...)
			r := consumeLogging(t, settings(t, c, "KAFKA_REBALANCE_STRATEGY", strategy), textLog(log), succeed, "payments", "refunds")
			r.await(t, engine.Handled, 5)
			eventually(t, "not ready, and why", func() bool { return isNotReady(r, `topic "refunds"`, "does not exist") })
			generation := stable(t, c, 1).Epoch
			if err := c.CreateTopic("refunds", 1, nil); err != nil {
				t.Fatal(err)
			}
			produceTo(t, c, "refunds", envelopes(t, 0, 1)...)
			r.await(t, engine.Handled, 6)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if c.TopicInfo("refunds.dlq") == nil {
				t.Error("there is no topic for its dead letters")
			}
			if err := c.DeleteTopic("refunds"); err != nil {
				t.Fatal(err)
			}
			eventually(t, "not ready, and why", func() bool { return isNotReady(r, `topic "refunds"`, "does not exist") })
			eventually(t, "the group knows", func() bool { return r.Stats().Lanes == 1 })
			produce(t, c, 0, envelopes(t, 0, 1)...)
			r.await(t, engine.Handled, 7)
			if after := stable(t, c, 1).Epoch; after > generation+4 {
				t.Errorf("generation %d, was %d: more rebalances than changes", after, generation)
			}
			if log.line("level=WARN", notConsuming, "part=refunds") == "" {
				t.Errorf("the log does not say so:\n%s", log)
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATopicThatIsMissingDelaysNoOther: sarama repeats its question for a topic that is
// missing, for seconds in which nothing is consumed.
func TestATopicThatIsMissingDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t, topicOf(1))
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, topic := range kreq.(*kmsg.MetadataRequest).Topics {
			if topic.Topic != nil && *topic.Topic == "refunds" {
				asked.Add(1)
			}
		}
		return nil, nil, false
	})
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r := consume(t, settings(t, c), succeed, "payments", "refunds")
	r.await(t, engine.Handled, 1)
	if n := asked.Load(); n > 3 {
		t.Errorf("the topic that is missing was asked for %d times before the first message, want at most 3", n)
	}
}

// TestATopicThatIsForbiddenStopsNoOther, whether the service may not know that it is
// there, or may not read it.
func TestATopicThatIsForbiddenStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, rights := range map[string][]kmsg.ACLOperation{"no describe": nil, "no read": {kmsg.ACLOperationDescribe}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, admin := startForbidding(t, rights)
			log := new(logBuffer)
			r := consumeLogging(t, settings(t, c, "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_USERNAME", "u", "KAFKA_SASL_PASSWORD", "p"),
				textLog(log), succeed, "payments", "refunds")
			for i := range 20 {
				for _, topic := range []string{"payments", "refunds"} {
					record := &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: envelopes(t, i, i+1)[0]}
					if err := admin.ProduceSync(t.Context(), record).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
				r.await(t, engine.Handled, i+1)
			}
			eventually(t, "not ready, and why", func() bool { return isNotReady(r, "refunds", "authorized") })
			eventually(t, "the others are committed", func() bool { return r.Stats().Window == 0 })
			if log.line("level=WARN", notConsuming, "part=refunds", "authorized") == "" || log.line("commit failed") != "" {
				t.Errorf("the log does not say so, or says more:\n%s", log)
			}
			allowAll(t, admin, "refunds")
			r.await(t, engine.Handled, 40)
			eventually(t, "ready", func() bool { return r.Ready() == nil })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATopicThatIsForbiddenStopsNoOtherThatBeginsAtItsEnd: where topics end is told of
// none if one of those that are asked for is forbidden.
func TestATopicThatIsForbiddenStopsNoOtherThatBeginsAtItsEnd(t *testing.T) {
	t.Parallel()
	c, admin := startForbidding(t, nil)
	r := consume(t, settings(t, c, "KAFKA_AUTO_OFFSET_RESET", "latest", "KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT", "KAFKA_SASL_USERNAME", "u", "KAFKA_SASL_PASSWORD", "p"),
		succeed, "payments", "refunds")
	eventually(t, "a session", func() bool { return r.session.Load() != nil })
	record := &kgo.Record{Topic: "payments", Key: []byte("k"), Value: envelopes(t, 0, 1)[0]}
	if err := admin.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.await(t, engine.Handled, 1)
	if !isNotReady(r, "refunds", "authorized") {
		t.Errorf("ready says %v, want why refunds is not read", r.Ready())
	}
	for n := range 2 { // what is there before it may be seen is not for the group
		if n > 0 {
			allowAll(t, admin, "refunds")
			eventually(t, "ready", func() bool { return r.Ready() == nil })
		}
		record := &kgo.Record{Topic: "refunds", Key: []byte("k"), Value: envelopes(t, n+1, n+2)[0]}
		if err := admin.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r.await(t, engine.Handled, 2)
	if want := []string{"payments/0@0", "refunds/0@1"}; !slices.Equal(r.places, want) {
		t.Errorf("handled %v, want %v", r.places, want)
	}
}

// produceTo writes values to partition 0 of a topic.
func produceTo(t *testing.T, c *kfake.Cluster, topic string, values ...[]byte) {
	t.Helper()
	for i, v := range values {
		if err := newClient(t, c).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADeletedTopicsDrainDoesNotHoldUpTheOthers: its commits cannot succeed.
func TestADeletedTopicsDrainDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	c, log := startCluster(t, kfake.SeedTopics(1, "payments", "refunds")), new(logBuffer)
	r := consumeLogging(t, settings(t, c, "COMMIT_INTERVAL", "1m", "DRAIN_TIMEOUT", "15s"), textLog(log), succeed, "payments", "refunds")
	produceTo(t, c, "refunds", envelopes(t, 0, 3)...)
	r.await(t, engine.Handled, 3)
	commits := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Observe: true, Count: -1})
	if err := c.DeleteTopic("refunds"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the claim ends", func() bool { return log.line("work left", "topic=refunds") != "" })
	if n := commits.Hits(); n > 3 {
		t.Errorf("%d commits to a topic that is gone", n)
	}
	produce(t, c, 0, envelopes(t, 0, 1)...)
	r.await(t, engine.Handled, 4)
}

// startForbidding starts a cluster whose user u has these rights alone on refunds. It
// returns a client that has all of them.
func startForbidding(t *testing.T, rights []kmsg.ACLOperation) (*kfake.Cluster, *kgo.Client) {
	t.Helper()
	allow := func(r kmsg.ACLResourceType, name string, op kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: r, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true}
	}
	acls := []kfake.ACL{allow(kmsg.ACLResourceTypeGroup, "tests", kmsg.ACLOperationRead), allow(kmsg.ACLResourceTypeGroup, "tests", kmsg.ACLOperationDescribe)}
	for _, topic := range []string{"payments", "payments.dlq", "refunds.dlq"} {
		for _, op := range []kmsg.ACLOperation{kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs} {
			acls = append(acls, allow(kmsg.ACLResourceTypeTopic, topic, op))
		}
	}
	for _, op := range rights {
		acls = append(acls, allow(kmsg.ACLResourceTypeTopic, "refunds", op))
	}
	c := startCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"), kfake.User("PLAIN", "u", "p", acls...),
		kfake.SeedTopics(1, "payments", "payments.dlq", "refunds", "refunds.dlq"))
	admin, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return c, admin
}

// allowAll gives user u all rights on a topic.
func allowAll(t *testing.T, admin *kgo.Client, topic string) {
	t.Helper()
	grant := kmsg.NewCreateACLsRequestCreation()
	grant.ResourceType, grant.ResourceName, grant.ResourcePatternType = kmsg.ACLResourceTypeTopic, topic, kmsg.ACLResourcePatternTypeLiteral
	grant.Principal, grant.Host, grant.Operation, grant.PermissionType = "User:u", "*", kmsg.ACLOperationAll, kmsg.ACLPermissionTypeAllow
	request := kmsg.NewPtrCreateACLsRequest()
	request.Creations = append(request.Creations, grant)
	if _, err := request.RequestWith(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
}
