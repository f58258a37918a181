package outside

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Client talks to a broker the way another program would. It shares no code
// with the service, so that it cannot share its mistakes.
type Client struct {
	brokers []string
	kafka   *kgo.Client
	admin   *kadm.Client
}

// Sent is a sample with the place where the broker put it.
type Sent struct {
	Sample
	Partition int32
	Offset    int64
}

func (s Sent) String() string { return fmt.Sprintf("%s/%d@%d", s.Topic, s.Partition, s.Offset) }

// Dial returns a client of the brokers (host:port each). It connects on first use.
func Dial(brokers ...string) (*Client, error) {
	kafka, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, err
	}
	return &Client{brokers: brokers, kafka: kafka, admin: kadm.NewClient(kafka)}, nil
}

// Close ends the client's connections.
func (c *Client) Close() { c.kafka.Close() }

// CreateTopics creates topics and leaves those that exist as they are.
func (c *Client) CreateTopics(ctx context.Context, partitions int32, topics ...string) error {
	made, err := c.admin.CreateTopics(ctx, partitions, -1, nil, topics...)
	if err != nil {
		return err
	}
	for _, topic := range made.Sorted() {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("creating topic %s: %w", topic.Topic, topic.Err)
		}
	}
	return nil
}

// SetTopic gives a setting of a topic another value.
func (c *Client) SetTopic(ctx context.Context, topic, name, value string) error {
	answers, err := c.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, topic)
	if err != nil {
		return err
	}
	_, err = answers.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	return err
}

// Send produces the samples in their order and returns once every one of them
// was acknowledged.
func (c *Client) Send(ctx context.Context, all []Sample) ([]Sent, error) {
	records := make([]*kgo.Record, len(all))
	for i, s := range all {
		records[i] = &kgo.Record{Topic: s.Topic, Key: []byte(s.Key), Value: s.Value}
	}
	if err := c.kafka.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("sending samples: %w", err)
	}
	sent := make([]Sent, len(all))
	for i, r := range records {
		sent[i] = Sent{Sample: all[i], Partition: r.Partition, Offset: r.Offset}
	}
	return sent, nil
}
