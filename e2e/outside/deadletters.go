package outside

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is one dead letter as it lies in its topic.
type Letter struct {
	Place    string // topic/partition@offset
	Origin   string // the same of the message it is about
	Key      []byte
	Original []byte // the message's value, byte for byte; nil for a tombstone
	Reason   string
	Headers  map[string]string
}

// DeadLetters returns every dead letter that the topics have at this moment.
func (c *Client) DeadLetters(ctx context.Context, topics ...string) ([]Letter, error) {
	dead := make([]string, len(topics))
	for i, topic := range topics {
		dead[i] = topic + ".dlq"
	}
	records, err := c.readAll(ctx, dead)
	if err != nil {
		return nil, err
	}
	letters := make([]Letter, len(records))
	for i, r := range records {
		if letters[i], err = open(r); err != nil {
			return nil, fmt.Errorf("dead letter %s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
	}
	return letters, nil
}

// readAll reads the topics from their first record to the ends they have now.
func (c *Client) readAll(ctx context.Context, topics []string) ([]*kgo.Record, error) {
	starts, err := c.admin.ListStartOffsets(ctx, topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	ends, err := c.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, err
	}
	missing := 0
	for topic, partitions := range ends {
		for p, end := range partitions {
			missing += int(end.Offset - starts[topic][p].Offset)
		}
	}
	if missing == 0 {
		return nil, nil
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumePartitions(starts.KOffsets()))
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []*kgo.Record
	for len(all) < missing {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		all = append(all, fetches.Records()...)
	}
	return all, nil
}

// open reads a dead letter by what docs/operating.md says of its format.
func open(r *kgo.Record) (Letter, error) {
	l := Letter{Place: fmt.Sprintf("%s/%d@%d", r.Topic, r.Partition, r.Offset), Key: r.Key, Headers: map[string]string{}}
	for _, h := range r.Headers {
		l.Headers[h.Key] = string(h.Value)
	}
	l.Origin = fmt.Sprintf("%s/%s@%s", l.Headers["forge-dlq-topic"], l.Headers["forge-dlq-partition"], l.Headers["forge-dlq-offset"])
	if l.Headers["forge-dlq-encoding"] == "raw" {
		l.Original, l.Reason = r.Value, l.Headers["forge-dlq-reason"]
		return l, nil
	}
	var value struct {
		Original json.RawMessage `json:"original_message"`
		Error    struct {
			Timestamp string `json:"timestamp"`
			Reason    string `json:"reason"`
		} `json:"error"`
	}
	d := json.NewDecoder(bytes.NewReader(r.Value))
	d.DisallowUnknownFields() // it has these two members and no other
	if err := d.Decode(&value); err != nil {
		return l, err
	}
	l.Reason = value.Error.Reason
	switch encoding := l.Headers["forge-dlq-encoding"]; encoding {
	case "json":
		l.Original = value.Original
	case "null":
	case "base64":
		var text string
		if err := json.Unmarshal(value.Original, &text); err != nil {
			return l, err
		}
		original, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return l, err
		}
		l.Original = original
	default:
		return l, fmt.Errorf("its encoding is %q", encoding)
	}
	return l, nil
}
