// Package deadletter makes dead letters: messages that failed for good, with why, as they
// lie in the topic beside the one that they came from. It knows no broker.
package deadletter

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Suffix ends the names of topics for dead letters.
const Suffix = ".dlq"

// Topic returns the topic of the given topic's dead letters.
func Topic(topic string) string { return topic + Suffix }

// Prefix begins the names of the headers that a dead letter adds.
const Prefix = "forge-dlq-"

// How a dead letter holds the message's value.
const (
	EncodingJSON   = "json"   // as it is, in original_message
	EncodingBase64 = "base64" // as a string in original_message, because it is no JSON
	EncodingNull   = "null"   // original_message is null, because the message was a tombstone
	EncodingRaw    = "raw"    // the record's value is the message's: the rest is in the headers
)

// maxDepth is how deeply a message may be nested to be shown as JSON. Many readers
// refuse more than 64 levels, and the dead letter is one.
const maxDepth = 60

// Writer writes messages that failed for good to the dead letter topic of
// the topic they came from.
type Writer struct {
	Send  func(context.Context, *message.Message) error // as Publisher.Send
	Group string                                        // of the consumer
}

// DeadLetter sends m with the reason of its failure and returns nil once
// the broker acknowledged that. A dead letter that is too large for its topic
// is written once more as the message itself, with all else in headers.
func (d *Writer) DeadLetter(ctx context.Context, m *message.Message, f engine.Failure) error {
	if strings.HasSuffix(m.Topic, Suffix) {
		return fmt.Errorf("a message of %s is a dead letter already", m.Topic)
	}
	err := d.Send(ctx, newLetter(m, f, d.Group))
	if errors.Is(err, message.ErrTooLarge) && m.Value != nil {
		err = d.Send(ctx, withHeaders(m.Value, m, f, d.Group, EncodingRaw))
	}
	if err != nil {
		return fmt.Errorf("dead letter of %s/%d@%d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return nil
}

// newLetter returns the dead letter of m as it goes to its topic:
//
//	{"original_message":…,"error":{"timestamp":…,"reason":…}}
//
// JSON stays byte for byte as it is, white space included; its encoding is in a
// header. It shares memory with m.
func newLetter(m *message.Message, f engine.Failure, group string) *message.Message {
	encoding, v := EncodingJSON, make([]byte, 0, len(m.Value)*4/3+512)
	v = append(v, `{"original_message":`...)
	switch {
	case m.Value == nil:
		encoding, v = EncodingNull, append(v, "null"...)
	case isJSON(m.Value):
		v = append(v, m.Value...)
	default:
		encoding, v = EncodingBase64, append(v, '"')
		v = base64.StdEncoding.AppendEncode(v, m.Value)
		v = append(v, '"')
	}
	v = append(v, `,"error":{"timestamp":"`...)
	v = f.Time.UTC().AppendFormat(v, time.RFC3339Nano)
	v = append(v, `","reason":`...)
	v, _ = jsontext.AppendQuote(v, f.Reason()) // the only error is invalid UTF-8, which Reason has not
	v = append(v, "}}"...)
	return withHeaders(v, m, f, group, encoding)
}

// withHeaders returns the dead letter of m with value. Of a message that was a dead
// letter before, the headers that made it one are replaced.
func withHeaders(value []byte, m *message.Message, f engine.Failure, group, encoding string) *message.Message {
	headers := slices.DeleteFunc(slices.Clone(m.Headers), func(h message.Field) bool { return strings.HasPrefix(h.Key, Prefix) })
	add := func(key, value string) {
		headers = append(headers, message.Field{Key: Prefix + key, Value: []byte(value)})
	}
	add("topic", m.Topic)
	add("partition", strconv.Itoa(int(m.Partition)))
	add("offset", strconv.FormatInt(m.Offset, 10))
	if !m.Time.IsZero() {
		add("timestamp", m.Time.UTC().Format(time.RFC3339Nano))
	}
	add("group", group)
	add("attempts", strconv.Itoa(f.Attempts))
	add("class", string(f.Class))
	add("reason", f.Reason())
	add("failed-at", f.Time.UTC().Format(time.RFC3339Nano))
	add("encoding", encoding)
	return &message.Message{Topic: Topic(m.Topic), Key: m.Key, Value: value, Headers: headers}
}

// isJSON reports whether v is one JSON value in valid UTF-8 that any reader
// can be expected to read.
func isJSON(v []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true))
	for {
		if _, err := d.ReadToken(); err != nil {
			return false
		}
		switch depth := d.StackDepth(); {
		case depth > maxDepth:
			return false
		case depth == 0:
			_, err := d.ReadToken()
			return errors.Is(err, io.EOF)
		}
	}
}
