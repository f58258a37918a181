package kafka

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const createTopicsKey = 19 // Kafka's number for a request to create topics

// ensure makes sure of the topics and those of their dead letters.
func ensure(t *testing.T, admin *kadm.Client, subscribed ...string) error {
	t.Helper()
	_, problems, err := (&topics{subscribed: subscribed, deadLetters: true}).ensure(t.Context(), admin, quiet)
	return errors.Join(err, errors.Join(slices.Collect(maps.Values(problems))...))
}

func TestDeadLetterTopicsAreCreatedAfterTheirTopic(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(6, "payments"))
	size := "2000000"
	if err := cluster.CreateTopic("invoices", 3, map[string]string{maxMessageBytes: size, minInSync: "2"}); err != nil {
		t.Fatal(err)
	}
	admin := connectAdmin(t, cluster)
	for range 2 { // the second time they are there
		if err := ensure(t, admin, []string{"payments", "invoices"}...); err != nil {
			t.Fatal(err)
		}
	}
	for topic, want := range map[string]struct {
		partitions int
		size       string
		inSync     string
	}{"payments.dlq": {6, "1638418", "1"}, "invoices.dlq": {3, "3065536", "2"}} {
		info := cluster.TopicInfo(topic)
		if info == nil {
			t.Errorf("%s is missing", topic)
			continue
		}
		configs, err := admin.DescribeTopicConfigs(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if kept := setting(configs, topic, retention); kept != forever {
			t.Errorf("%s keeps dead letters for %q ms, want %s", topic, kept, forever)
		}
		policy, size, inSync := setting(configs, topic, cleanupPolicy), setting(configs, topic, maxMessageBytes), setting(configs, topic, minInSync)
		if got := len(cluster.PartitionInfos(topic)); got != want.partitions || policy != "delete" || size != want.size || inSync != want.inSync {
			t.Errorf("%s has %d partitions, %s, %s and %s, want %+v", topic, got, policy, size, inSync, want)
		}
	}
}

func TestAMissingTopicIsToldAndMayStillCome(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "invoices"))
	admin := connectAdmin(t, cluster)
	names := []string{"payments", "invoices"}
	err := ensure(t, admin, names...)
	if err == nil || isFatal(err) || !strings.Contains(err.Error(), `topic "payments", which the service is to read, does not exist: create it`) {
		t.Errorf("error is %v", err)
	}
	if cluster.TopicInfo("payments") != nil {
		t.Error("asking for the topic created it")
	}
	if cluster.TopicInfo("invoices.dlq") == nil {
		t.Error("one missing topic kept the others' dead letters from being looked after")
	}
	if err := cluster.CreateTopic("payments", 1, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the topic is found", func() bool { return ensure(t, admin, names...) == nil })
}

func TestWhatOnlyAPersonCanMendIsFatal(t *testing.T) {
	for _, c := range []struct {
		name, topic, want string
		prepare           func(*kfake.Cluster) error
	}{
		{"creation forbidden", "payments", "create it with 2 partitions, cleanup.policy=delete, retention.ms=-1 and max.message.bytes=1638418", func(c *kfake.Cluster) error {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{createTopicsKey}, Err: kerr.TopicAuthorizationFailed, Count: -1})
			return nil
		}},
		{"dead letters compacted", "payments", "has cleanup.policy=compact", func(c *kfake.Cluster) error {
			return c.CreateTopic("payments.dlq", 2, map[string]string{cleanupPolicy: "compact"})
		}},
		{"a name without room", strings.Repeat("p", 246), "is too long", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := startCluster(t, kfake.SeedTopics(2, "payments"))
			if c.prepare != nil {
				if err := c.prepare(cluster); err != nil {
					t.Fatal(err)
				}
			}
			err := ensure(t, connectAdmin(t, cluster), []string{c.topic}...)
			if !isFatal(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v (fatal: %t), want it fatal with %q", err, isFatal(err), c.want)
			}
		})
	}
}

// TestOnlyTheDeadLetterPolicyWantsDeadLetterTopics: the others never write to
// them, and a service may have no right to make them.
func TestOnlyTheDeadLetterPolicyWantsDeadLetterTopics(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"skip", "retry", "stop"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, topicOf(1))
			c.Fault(kfake.Fault{Keys: []kmsg.Key{createTopicsKey}, Err: kerr.TopicAuthorizationFailed, Count: -1})
			r := consume(t, settings(t, c, "ERROR_POLICY", policy), succeed, "payments")
			eventually(t, "it is ready, or has ended", func() bool { return r.Ready() == nil || errors.Is(r.Ready(), errStopped) })
			if err := r.stop(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestWithoutDeadLettersANameMayBeLong(t *testing.T) {
	t.Parallel()
	topic := strings.Repeat("p", maxTopicName)
	wanted := &topics{subscribed: []string{topic}}
	if _, problems, err := wanted.ensure(t.Context(), connectAdmin(t, startCluster(t, kfake.SeedTopics(1, topic))), quiet); err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}

func TestAPassingFailureOfCreationIsNotFatal(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{createTopicsKey}, Err: kerr.InvalidReplicationFactor, Count: -1})
	err := ensure(t, connectAdmin(t, cluster), []string{"payments"}...)
	if err == nil || isFatal(err) {
		t.Errorf("error is %v (fatal: %t)", err, isFatal(err))
	}
}

func TestSettingsThatAreNotKnownYetAreAskedForAgain(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, kfake.SeedTopics(1, "payments"))
	if err := cluster.CreateTopic("payments.dlq", 1, map[string]string{cleanupPolicy: "compact"}); err != nil {
		t.Fatal(err)
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.UnknownTopicOrPartition, Count: 1})
	admin := connectAdmin(t, cluster)
	if err := ensure(t, admin, []string{"payments"}...); err == nil || isFatal(err) {
		t.Errorf("when a broker does not know the topic yet: %v (fatal: %t)", err, isFatal(err))
	}
	if err := ensure(t, admin, []string{"payments"}...); !isFatal(err) {
		t.Errorf("when it does: %v, want it fatal", err)
	}
}

func isFatal(err error) bool { return message.OutcomeOf(err) == message.OutcomePermanent }
