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

	"github.com/IBM/sarama"

	"github.com/ouroboros-forge/forge/template/service/internal/config"
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

// newAdmin returns a client for questions about topics and for making them.
func newAdmin(cfg config.Kafka) (sarama.ClusterAdmin, error) {
	c, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(cfg.Brokers, c)
	if err != nil {
		return nil, err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return failoverAdmin{admin, client}, nil
}

// failoverAdmin is an admin that looks for another broker when one does not answer.
// Sarama's goes on asking the one that it knows as the controller, or as the
// group's coordinator, after that one is gone: a service could not start, or
// not confirm a commit, because one broker of three was away.
type failoverAdmin struct {
	sarama.ClusterAdmin
	client sarama.Client
}

func (a failoverAdmin) DescribeTopics(topics []string) ([]*sarama.TopicMetadata, error) {
	found, err := a.ClusterAdmin.DescribeTopics(topics)
	if err != nil {
		_, _ = a.client.RefreshController() // err is what is wrong
	}
	return found, err
}

func (a failoverAdmin) ListConsumerGroupOffsets(group string, partitions map[string][]int32) (*sarama.OffsetFetchResponse, error) {
	got, err := a.ClusterAdmin.ListConsumerGroupOffsets(group, partitions)
	if err != nil {
		_ = a.client.RefreshCoordinator(group) // err is what is wrong
	}
	return got, err
}

// topics are those that a service needs.
type topics struct {
	subscribed  []string
	published   []string
	deadLetters bool // each subscribed one has a topic for its dead letters
}

// ensure checks that the topics exist and, if there are to be dead letters, creates
// the topics for those where they are missing. All problems come back in one error.
// Those that only a person can correct, such as a right that the service has not,
// are fatal. A missing topic is not: it may be created any time, so the caller says
// so and tries again.
func (t topics) ensure(ctx context.Context, admin sarama.ClusterAdmin, log *slog.Logger) error {
	if err := t.checkNames(); err != nil {
		return fatal(err)
	}
	found, err := describe(admin, t.names())
	if err != nil {
		return err
	}
	var errs []error
	for _, topic := range t.subscribed {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := checkTopic(found[topic], "read")
		if err == nil && t.deadLetters {
			err = ensureDeadLetters(admin, found[topic], found[DeadLetterTopic(topic)], log)
		}
		errs = append(errs, err)
	}
	for _, topic := range t.published {
		errs = append(errs, checkTopic(found[topic], "publish to"))
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

// checkNames refuses topics of dead letters and, if there are to be any, topics
// that cannot have them.
func (t topics) checkNames() error {
	var errs []error
	for _, topic := range t.subscribed {
		if strings.HasSuffix(topic, deadLetterSuffix) {
			errs = append(errs, fmt.Errorf("topic %q holds dead letters: a service does not subscribe to those", topic))
		}
		if t.deadLetters && len(DeadLetterTopic(topic)) > maxTopicName {
			errs = append(errs, fmt.Errorf("topic %q is too long: with %s it has more than %d characters", topic, deadLetterSuffix, maxTopicName))
		}
	}
	return errors.Join(errs...)
}

// describe returns what the cluster says of each topic, by name.
func describe(admin sarama.ClusterAdmin, names []string) (map[string]*sarama.TopicMetadata, error) {
	list, err := admin.DescribeTopics(names)
	if err != nil {
		return nil, fmt.Errorf("ask for topics: %w", err)
	}
	found := make(map[string]*sarama.TopicMetadata, len(list))
	for _, t := range list {
		found[t.Name] = t
	}
	for _, name := range names {
		if found[name] == nil {
			return nil, fmt.Errorf("ask for topics: no answer about %q", name)
		}
	}
	return found, nil
}

// checkTopic checks a topic that the service is to read or to publish to.
func checkTopic(topic *sarama.TopicMetadata, purpose string) error {
	switch err := topic.Err; {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return fmt.Errorf("topic %q, which the service is to %s, does not exist: create it, or correct its name", topic.Name, purpose)
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed), errors.Is(err, sarama.ErrInvalidTopic):
		return fatal(fmt.Errorf("topic %q: the service may not %s it: %w", topic.Name, purpose, err))
	case len(topic.Partitions) == 0:
		return fmt.Errorf("topic %q: %w", topic.Name, err)
	}
	return nil
}

// ensureDeadLetters checks the topic of source's dead letters, or creates it.
func ensureDeadLetters(admin sarama.ClusterAdmin, source, dead *sarama.TopicMetadata, log *slog.Logger) error {
	switch err := dead.Err; {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return createDeadLetters(admin, source, dead.Name, log)
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed), errors.Is(err, sarama.ErrInvalidTopic):
		return fatal(fmt.Errorf("topic %q: the service may not write its dead letters there: %w", dead.Name, err))
	}
	return checkDeadLetters(admin, source.Name, dead.Name, log)
}

// createDeadLetters creates the topic of source's dead letters after its
// example.
func createDeadLetters(admin sarama.ClusterAdmin, source *sarama.TopicMetadata, name string, log *slog.Logger) error {
	policy, size := "delete", strconv.Itoa(deadLetterSize(admin, source.Name))
	detail := &sarama.TopicDetail{
		NumPartitions:     int32(len(source.Partitions)), // #nosec G115 -- a topic has fewer
		ReplicationFactor: int16(len(source.Partitions[0].Replicas)),
		ConfigEntries:     map[string]*string{cleanupPolicy: &policy, maxMessageBytes: &size},
	}
	if settings, err := topicSettings(admin, source.Name); err == nil && settings[minInSync] != "" {
		// The cluster's default may be more than the source has replicas to
		// spare: dead letters must be writable whenever their topic is.
		inSync := settings[minInSync]
		detail.ConfigEntries[minInSync] = &inSync
	}
	err := admin.CreateTopic(name, detail, false)
	switch {
	case err == nil:
		log.Info("created a topic for dead letters", "topic", name, "partitions", detail.NumPartitions, "replicas", detail.ReplicationFactor)
		return nil
	case errors.Is(err, sarama.ErrTopicAlreadyExists): // another instance was faster
		return nil
	}
	err = fmt.Errorf("topic %q for dead letters does not exist and cannot be created: %w: create it with %d partitions, %s=%s and %s=%s",
		name, err, detail.NumPartitions, cleanupPolicy, policy, maxMessageBytes, size)
	for _, forbidden := range []error{
		sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed, sarama.ErrPolicyViolation,
		sarama.ErrInvalidConfig, sarama.ErrInvalidTopic,
	} {
		if errors.Is(err, forbidden) {
			return fatal(err)
		}
	}
	return err
}

// checkDeadLetters checks that the topic keeps dead letters, and that it takes
// large ones. What the service may not see it takes for granted.
func checkDeadLetters(admin sarama.ClusterAdmin, source, name string, log *slog.Logger) error {
	settings, err := topicSettings(admin, name)
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		// It is so new that not all brokers know it yet.
		return fmt.Errorf("ask for the settings of topic %q: %w", name, err)
	}
	if err != nil {
		return nil //nolint:nilerr // many services may not see a topic's settings; the topic is there
	}
	if strings.Contains(settings[cleanupPolicy], "compact") {
		return fatal(fmt.Errorf("topic %q has %s=%s, which throws dead letters away when another has the same key: set it to delete",
			name, cleanupPolicy, settings[cleanupPolicy]))
	}
	size, err := strconv.Atoi(settings[maxMessageBytes])
	if want := deadLetterSize(admin, source); err == nil && size < want {
		log.Warn("a message near its topic's limit will be a dead letter without the error in its value, or none at all",
			"topic", name, maxMessageBytes, size, "wanted", want)
	}
	return nil
}

// deadLetterSize returns the max.message.bytes that dead letters of a topic
// need: base64 makes a message 4/3 as large, and the error comes on top.
func deadLetterSize(admin sarama.ClusterAdmin, topic string) int {
	size := defaultMaxMessageBytes
	if settings, err := topicSettings(admin, topic); err == nil {
		if n, err := strconv.Atoi(settings[maxMessageBytes]); err == nil {
			size = n
		}
	}
	return min(size+size/2+64<<10, math.MaxInt32)
}

// topicSettings returns a topic's settings by name.
func topicSettings(admin sarama.ClusterAdmin, topic string) (map[string]string, error) {
	results, err := admin.DescribeConfigs([]*sarama.ConfigResource{{
		Type: sarama.TopicResource, Name: topic, ConfigNames: []string{cleanupPolicy, maxMessageBytes, minInSync},
	}}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return nil, err
	}
	settings := make(map[string]string)
	for _, result := range results {
		if result.ErrorCode != 0 {
			return nil, result.ErrorCode
		}
		for _, e := range result.Configs {
			settings[e.Name] = e.Value
		}
	}
	return settings, nil
}
