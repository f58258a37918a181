package load

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ouroboros-forge/forge/e2e/faults/oracle"
)

// Dead returns what is in a topic's dead letters. They are read by what their
// format promises, not with the service's own code.
func (o *Observer) Dead(ctx context.Context, topic string) ([]oracle.Dead, error) {
	records, err := o.All(ctx, topic+".dlq")
	if err != nil {
		return nil, err
	}
	var all []oracle.Dead
	for _, r := range records {
		d, err := dead(r)
		if err != nil {
			return nil, fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		all = append(all, d)
	}
	return all, nil
}

func dead(r *kgo.Record) (oracle.Dead, error) {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	partition, err := strconv.ParseInt(headers["forge-dlq-partition"], 10, 32)
	if err != nil {
		return oracle.Dead{}, err
	}
	offset, err := strconv.ParseInt(headers["forge-dlq-offset"], 10, 64)
	if err != nil {
		return oracle.Dead{}, err
	}
	value, err := original(r.Value, headers["forge-dlq-encoding"])
	if err != nil {
		return oracle.Dead{}, err
	}
	return oracle.Dead{
		ID: headers["id"], Place: oracle.Place{Topic: headers["forge-dlq-topic"], Partition: int32(partition)}, Offset: offset,
		At: r.Timestamp.UnixNano(), Sum: Sum(value),
	}, nil
}

// original returns the message's value as it was before it was a dead letter.
func original(value []byte, encoding string) ([]byte, error) {
	const before, after = `{"original_message":`, `,"error":{"timestamp":`
	if encoding == "raw" {
		return value, nil
	}
	// Found by its ends, because reading and writing JSON would not give the
	// same bytes.
	end := bytes.LastIndex(value, []byte(after))
	if !bytes.HasPrefix(value, []byte(before)) || end < 0 {
		return nil, fmt.Errorf("not a dead letter: %.80q", value)
	}
	body := value[len(before):end]
	switch encoding {
	case "json":
		return body, nil
	case "null":
		return nil, nil
	case "base64":
		var s string
		if err := json.Unmarshal(body, &s); err != nil {
			return nil, err
		}
		return base64.StdEncoding.DecodeString(s)
	}
	return nil, fmt.Errorf("unknown encoding %q", encoding)
}
