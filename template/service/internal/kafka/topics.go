package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

const (
	deadLetterSuffix = ".dlq"
	maxTopicName     = 249

	cleanupPolicy   = "cleanup.policy"
	maxMessageBytes = "max.message.bytes"
	minInSync       = "min.insync.replicas"
	// defaultMaxMessageBytes is a broker's default, for topics whose
	// settings the service may not see.
	defaultMaxMessageBytes = 1 << 20
)

// DeadLetterTopic returns the topic of the given topic's dead letters.
func DeadLetterTopic(topic string) string { return topic + deadLetterSuffix }

// topics are those that a service needs.
type topics struct {
	subscribed  []string
	published   []string
	deadLetters bool // each subscribed one has a topic for its dead letters
}

// ensure checks that the topics exist and, if there are to be dead letters, creates
// the topics for those where they are missing. All problems come back in one error.
// Those that only a person can correct, such as a right that the service has not,
// are permanent. A missing topic is not: it may be created any time, so the caller says
// so and tries again.
func (t topics) ensure(ctx context.Context, admin *kadm.Client, log *slog.Logger) error {
	if err := t.checkNames(); err != nil {
		return message.Permanent(err)
	}
	found, err := admin.ListTopics(ctx, t.names()...)
	if err != nil {
		return fmt.Errorf("ask for topics: %w", err)
	}
	settings, err := topicSettings(ctx, admin, found)
	if err != nil {
		return err
	}
	var errs []error
	for _, topic := range t.subscribed {
		err := checkTopic(found[topic], "read")
		if err == nil && t.deadLetters {
			letters := deadLetterTopic{source: found[topic], found: found[DeadLetterTopic(topic)], settings: settings}
			err = letters.ensure(ctx, admin, log)
		}
		errs = append(errs, err)
	}
	for _, topic := range t.published {
		errs = append(errs, checkTopic(found[topic], "publish to"))
	}
	return errors.Join(errs...)
}

// checkNames refuses topics that cannot have dead letters, if there are to be any.
func (t topics) checkNames() error {
	var errs []error
	for _, topic := range t.subscribed {
		if t.deadLetters && len(DeadLetterTopic(topic)) > maxTopicName {
			errs = append(errs, fmt.Errorf("topic %q is too long: with %s it has more than %d characters", topic, deadLetterSuffix, maxTopicName))
		}
	}
	return errors.Join(errs...)
}

func (t topics) names() []string {
	names := slices.Concat(t.subscribed, t.published)
	if t.deadLetters {
		for _, topic := range t.subscribed {
			names = append(names, DeadLetterTopic(topic))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// topicSettings returns the settings of the topics that exist, without those that
// the service may not see.
func topicSettings(ctx context.Context, admin *kadm.Client, found kadm.TopicDetails) (map[string]map[string]string, error) {
	var names []string
	for _, t := range found {
		if t.Err == nil {
			names = append(names, t.Topic)
		}
	}
	settings := make(map[string]map[string]string)
	if len(names) == 0 {
		return settings, nil
	}
	described, err := admin.DescribeTopicConfigs(ctx, names...)
	if err != nil && len(described) == 0 {
		return settings, nil
	}
	for _, r := range described {
		if errors.Is(r.Err, kerr.UnknownTopicOrPartition) { // it is so new that not all brokers know it yet
			return nil, fmt.Errorf("ask for the settings of topic %q: %w", r.Name, r.Err)
		}
		settings[r.Name] = make(map[string]string)
		for _, c := range r.Configs {
			settings[r.Name][c.Key] = c.MaybeValue()
		}
	}
	return settings, nil
}

// checkTopic checks a topic that the service is to use for purpose.
func checkTopic(t kadm.TopicDetail, purpose string) error {
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %q, which the service is to %s, does not exist: create it, or correct its name", t.Topic, purpose)
	case errors.Is(t.Err, kerr.TopicAuthorizationFailed), errors.Is(t.Err, kerr.InvalidTopicException):
		return message.Permanent(fmt.Errorf("topic %q: the service may not %s it: %w", t.Topic, purpose, t.Err))
	case len(t.Partitions) == 0:
		return fmt.Errorf("topic %q has no partition: %w", t.Topic, t.Err)
	}
	return nil
}

// deadLetterTopic is the topic for the dead letters of another.
type deadLetterTopic struct {
	source, found kadm.TopicDetail
	settings      map[string]map[string]string // by topic and name
}

// ensure checks the topic, or creates it after the example of its source.
func (d deadLetterTopic) ensure(ctx context.Context, admin *kadm.Client, log *slog.Logger) error {
	err := checkTopic(d.found, "write dead letters to")
	switch {
	case errors.Is(d.found.Err, kerr.UnknownTopicOrPartition):
		return d.create(ctx, admin, log)
	case err == nil:
		return d.check(log)
	}
	return err
}

func (d deadLetterTopic) create(ctx context.Context, admin *kadm.Client, log *slog.Logger) error {
	partitions, replicas := len(d.source.Partitions), d.source.Partitions.NumReplicas()
	policy, size := "delete", strconv.Itoa(d.wantedSize())
	configs := map[string]*string{cleanupPolicy: &policy, maxMessageBytes: &size}
	if inSync := d.settings[d.source.Topic][minInSync]; inSync != "" {
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
	isForbidden := func(forbidden error) bool { return errors.Is(err, forbidden) }
	wrapped := fmt.Errorf("topic %q for dead letters does not exist and cannot be created: %w: create it with %d partitions, %s=%s and %s=%s",
		d.found.Topic, err, partitions, cleanupPolicy, policy, maxMessageBytes, size)
	if slices.ContainsFunc([]error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.PolicyViolation, kerr.InvalidConfig, kerr.InvalidTopicException,
	}, isForbidden) {
		return message.Permanent(wrapped)
	}
	return wrapped
}

// check checks that the topic keeps dead letters, and that it takes large ones.
// What the service may not see it takes for granted.
func (d deadLetterTopic) check(log *slog.Logger) error {
	settings := d.settings[d.found.Topic]
	if strings.Contains(settings[cleanupPolicy], "compact") {
		return message.Permanent(fmt.Errorf("topic %q has %s=%s, which throws dead letters away when another has the same key: set it to delete",
			d.found.Topic, cleanupPolicy, settings[cleanupPolicy]))
	}
	if size, err := strconv.Atoi(settings[maxMessageBytes]); err == nil && size < d.wantedSize() {
		log.Warn("a message near its topic's limit will be a dead letter without the error in its value, or none at all",
			"topic", d.found.Topic, maxMessageBytes, size, "wanted", d.wantedSize())
	}
	return nil
}

// wantedSize returns the max.message.bytes that the dead letters need: base64
// makes a message 4/3 as large, and the error comes on top.
func (d deadLetterTopic) wantedSize() int {
	size, err := strconv.Atoi(d.settings[d.source.Topic][maxMessageBytes])
	if err != nil {
		size = defaultMaxMessageBytes
	}
	return min(size+size/2+64<<10, math.MaxInt32)
}
