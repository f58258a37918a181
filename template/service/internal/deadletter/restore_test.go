package deadletter

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The headers by which a dead letter leads back.
const (
	headerTopic     = Prefix + "topic"
	headerPartition = Prefix + "partition"
	headerOffset    = Prefix + "offset"
	headerTimestamp = Prefix + "timestamp"
	headerReason    = Prefix + "reason"
	headerEncoding  = Prefix + "encoding"
)

// restore returns the message that a dead letter was made from, with its own
// topic, place, time, key, value and headers, to the byte.
func restore(dead *message.Message) (*message.Message, error) {
	m := &message.Message{Key: dead.Key, Headers: originalHeaders(dead), Partition: -1, Offset: -1}
	get := func(name string) string {
		value, _ := dead.Get(name)
		return string(value)
	}
	m.Topic = get(headerTopic)
	if m.Topic == "" {
		return nil, fmt.Errorf("not a dead letter: it has no header %s", headerTopic)
	}
	if n, err := strconv.ParseInt(get(headerPartition), 10, 32); err == nil {
		m.Partition = int32(n)
	}
	if n, err := strconv.ParseInt(get(headerOffset), 10, 64); err == nil {
		m.Offset = n
	}
	if t, err := time.Parse(time.RFC3339Nano, get(headerTimestamp)); err == nil {
		m.Time = t
	}
	var err error
	if m.Value, err = originalValue(dead.Value, get(headerEncoding)); err != nil {
		return nil, fmt.Errorf("dead letter of %s/%d@%d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return m, nil
}

// originalValue takes the message's value out of a dead letter's.
func originalValue(value []byte, encoding string) ([]byte, error) {
	switch encoding {
	case EncodingNull:
		return nil, nil
	case EncodingRaw:
		return value, nil
	case EncodingJSON, EncodingBase64:
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	original, err := originalMember(value)
	if err != nil || encoding == EncodingJSON {
		return original, err
	}
	text, err := jsontext.AppendUnquote(nil, bytes.TrimSpace(original))
	if err != nil {
		return nil, fmt.Errorf("original_message: %w", err)
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return nil, fmt.Errorf("original_message: %w", err)
	}
	return decoded[:n], nil
}

// originalMember returns the bytes between the colon after original_message and
// the comma or brace behind its value. White space there is the message's own,
// for encodeDeadLetter writes none.
func originalMember(value []byte) ([]byte, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errors.New("the value is not a dead letter's: it is no JSON object")
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		isOriginal := name.String() == "original_message"
		start := d.InputOffset()
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
		if isOriginal {
			return between(value, start, d.InputOffset())
		}
	}
	return nil, errors.New("the value is not a dead letter's: it has no original_message")
}

// between returns what lies between the colon at or after start and the first
// byte at or after end that is not white space.
func between(value []byte, start, end int64) ([]byte, error) {
	colon := bytes.IndexByte(value[start:end], ':')
	space := bytes.IndexAny(value[end:], ",}")
	if colon < 0 || space < 0 {
		return nil, errors.New("the value is cut off")
	}
	return value[start+int64(colon)+1 : end+int64(space)], nil
}

// originalHeaders returns a dead letter's headers without those that made it one.
func originalHeaders(dead *message.Message) []message.Field {
	return slices.DeleteFunc(slices.Clone(dead.Headers), func(h message.Field) bool { return strings.HasPrefix(h.Key, Prefix) })
}
