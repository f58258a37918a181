// Package kafka is the service's only door to Kafka: the consumer that feeds the
// engine, the publisher, the dead letters, and the settings of their clients.
//
// Publishing uses franz-go's kgo, which keeps the order of a partition when a message
// fails, deduplicates its retries and bounds what it holds.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	maxTopicName = 249

	cleanupPolicy   = "cleanup.policy"
	maxMessageBytes = "max.message.bytes"
	minInSync       = "min.insync.replicas"
	retention       = "retention.ms"
	forever         = "-1" // of retention: a dead letter that expires is a lost message
	// defaultMaxMessageBytes is a broker's default, for topics whose
	// settings the service may not see.
	defaultMaxMessageBytes = 1 << 20
)

// topics are those that a service needs.
type topics struct {
	subscribed  []string
	published   []string
	deadLetters bool     // each subscribed one has a topic for its dead letters
	checked     sync.Map // subscribed ones whose topic for dead letters was found to be right
}

// ensure looks at the topics and, if there are to be dead letters, creates the topics
// for those where they are missing. It returns what it has found, and what is wrong by
// topic or topic/partition: one's trouble is not the others'. What only a person can
// correct of dead letters is permanent. All else may change any time.
func (t *topics) ensure(ctx context.Context, admin *kadm.Client, log *slog.Logger) (kadm.TopicDetails, map[string]error, error) {
	found, err := listTopics(ctx, admin, t.names()...)
	if err != nil {
		return nil, nil, fmt.Errorf("ask for topics: %w", err)
	}
	problems, unchecked := map[string]error{}, []string{}
	note := func(name string, err error) {
		if err != nil && problems[name] == nil {
			problems[name] = err
		}
	}
	for _, topic := range t.published {
		note(topic, checkTopic(found[topic], "publish to"))
	}
	for _, topic := range t.subscribed {
		if t.deadLetters && len(deadletter.Topic(topic)) > maxTopicName {
			note(topic, message.Permanent(fmt.Errorf("topic %q is too long: with %s it has more than %d characters", topic, deadletter.Suffix, maxTopicName)))
		}
		note(topic, checkTopic(found[topic], "read"))
		for p, d := range found[topic].Partitions {
			if d.Err != nil || d.Leader < 0 {
				note(fmt.Sprintf("%s/%d", topic, p), fmt.Errorf("partition %s/%d has no leader: is a broker away?", topic, p))
			}
		}
		if _, ok := t.checked.Load(topic); t.deadLetters && (!ok || found[deadletter.Topic(topic)].Err != nil) {
			unchecked = append(unchecked, topic)
		}
	}
	if len(unchecked) == 0 {
		return found, problems, nil
	}
	configs, err := describeTopics(ctx, admin, found)
	if err != nil {
		return nil, nil, err
	}
	for _, topic := range unchecked {
		letters := deadLetterTopic{source: found[topic], found: found[deadletter.Topic(topic)], configs: configs}
		if err := letters.ensure(ctx, admin, log); err != nil {
			note(topic, err)
		} else {
			t.checked.Store(topic, true)
		}
	}
	return found, problems, nil
}

// listTopics returns what there is of topics. The client's own answer is none at all if
// one of them is forbidden.
func listTopics(ctx context.Context, admin *kadm.Client, names ...string) (kadm.TopicDetails, error) {
	found, err := admin.ListTopics(ctx, names...)
	if _, isForbidden := errors.AsType[*kadm.AuthError](err); !isForbidden {
		return found, err
	}
	found = kadm.TopicDetails{}
	for _, name := range names {
		one, err := admin.ListTopics(ctx, name)
		if forbidden, ok := errors.AsType[*kadm.AuthError](err); ok {
			one = kadm.TopicDetails{name: {Topic: name, Err: forbidden.Err}}
		} else if err != nil {
			return nil, err
		}
		maps.Copy(found, one)
	}
	return found, nil
}

func (t *topics) names() []string {
	names := slices.Concat(t.subscribed, t.published)
	if t.deadLetters {
		for _, topic := range t.subscribed {
			names = append(names, deadletter.Topic(topic))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// describeTopics returns the settings of the topics that exist, without those that
// the service may not see.
func describeTopics(ctx context.Context, admin *kadm.Client, found kadm.TopicDetails) (kadm.ResourceConfigs, error) {
	configs, _ := admin.DescribeTopicConfigs(ctx, found.Names()...)
	for _, r := range configs {
		if found[r.Name].Err == nil && errors.Is(r.Err, kerr.UnknownTopicOrPartition) { // it is so new that not all brokers know it yet
			return nil, fmt.Errorf("ask for the settings of topic %q: %w", r.Name, r.Err)
		}
	}
	return configs, nil
}

// setting returns a setting of a topic, "" if it is not known.
func setting(configs kadm.ResourceConfigs, topic, key string) string {
	found, _ := configs.On(topic, nil)
	for _, c := range found.Configs {
		if c.Key == key {
			return c.MaybeValue()
		}
	}
	return ""
}

// checkTopic checks a topic that the service is to use for purpose.
func checkTopic(t kadm.TopicDetail, purpose string) error {
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %q, which the service is to %s, does not exist: create it, or correct its name", t.Topic, purpose)
	case errors.Is(t.Err, kerr.TopicAuthorizationFailed), errors.Is(t.Err, kerr.InvalidTopicException):
		return fmt.Errorf("topic %q: the service may not %s it: %w", t.Topic, purpose, t.Err)
	case len(t.Partitions) == 0 && t.Err != nil:
		return fmt.Errorf("topic %q: %w", t.Topic, t.Err)
	case len(t.Partitions) == 0:
		return fmt.Errorf("topic %q has no partition", t.Topic)
	}
	return nil
}

// deadLetterTopic is the topic for the dead letters of another.
type deadLetterTopic struct {
	source, found kadm.TopicDetail
	configs       kadm.ResourceConfigs
}

// ensure checks the topic, or creates it after the example of its source.
func (d deadLetterTopic) ensure(ctx context.Context, admin *kadm.Client, log *slog.Logger) error {
	switch err := checkTopic(d.found, "write dead letters to"); {
	case d.source.Err != nil:
		return d.source.Err // without it there is nothing to do
	case errors.Is(d.found.Err, kerr.UnknownTopicOrPartition):
		return d.create(ctx, admin, log)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return message.Permanent(err)
	case err != nil:
		return err
	}
	return d.check(log)
}

// forbidden are the answers to a creation that only a person can change.
var forbidden = []error{
	kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.PolicyViolation, kerr.InvalidConfig, kerr.InvalidTopicException,
}

func (d deadLetterTopic) create(ctx context.Context, admin *kadm.Client, log *slog.Logger) error {
	partitions, replicas := len(d.source.Partitions), d.source.Partitions.NumReplicas()
	policy, size := "delete", strconv.Itoa(d.wantedSize())
	configs := map[string]*string{cleanupPolicy: &policy, maxMessageBytes: &size, retention: new(forever)}
	if inSync := setting(d.configs, d.source.Topic, minInSync); inSync != "" {
		// The cluster's default may be more than the source has replicas to
		// spare: dead letters must be writable whenever their topic is.
		configs[minInSync] = &inSync
	}
	_, err := admin.CreateTopic(ctx, int32(partitions), int16(replicas), configs, d.found.Topic) // #nosec G115 -- a topic has fewer
	switch {
	case err == nil:
		log.Info("created a topic for dead letters", "topic", d.found.Topic, "partitions", partitions, "replicas", replicas)
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists): // another instance was faster
		return nil
	}
	wrapped := fmt.Errorf("topic %q for dead letters does not exist and cannot be created: %w: create it with %d partitions, %s=%s, %s=%s and %s=%s",
		d.found.Topic, err, partitions, cleanupPolicy, policy, retention, forever, maxMessageBytes, size)
	if isAny(err, forbidden...) {
		return message.Permanent(wrapped)
	}
	return wrapped
}

// check checks that the topic keeps dead letters, and that it takes large ones.
// What the service may not see it takes for granted.
func (d deadLetterTopic) check(log *slog.Logger) error {
	if policy := setting(d.configs, d.found.Topic, cleanupPolicy); strings.Contains(policy, "compact") {
		return message.Permanent(fmt.Errorf("topic %q has %s=%s, which throws dead letters away when another has the same key: set it to delete",
			d.found.Topic, cleanupPolicy, policy))
	}
	if size, err := strconv.Atoi(setting(d.configs, d.found.Topic, maxMessageBytes)); err == nil && size < d.wantedSize() {
		log.Warn("a message near its topic's limit will be a dead letter without the error in its value, or none at all",
			"topic", d.found.Topic, maxMessageBytes, size, "wanted", d.wantedSize())
	}
	return nil
}

// wantedSize returns the max.message.bytes that the dead letters need: base64
// makes a message 4/3 as large, and the error comes on top.
func (d deadLetterTopic) wantedSize() int {
	size, err := strconv.Atoi(setting(d.configs, d.source.Topic, maxMessageBytes))
	if err != nil {
		size = defaultMaxMessageBytes
	}
	return min(size+size/2+64<<10, math.MaxInt32)
}
