package kafka

import (
	"bytes"
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

// The headers of a dead letter. Names that begin like this are ours: a message
// that comes with some, because it was a dead letter before, gets new ones.
const (
	headerPrefix    = "forge-dlq-"
	headerTopic     = headerPrefix + "topic"
	headerPartition = headerPrefix + "partition"
	headerOffset    = headerPrefix + "offset"
	headerTimestamp = headerPrefix + "timestamp" // the message's own
	headerGroup     = headerPrefix + "group"
	headerAttempts  = headerPrefix + "attempts"
	headerClass     = headerPrefix + "class"
	headerReason    = headerPrefix + "reason"
	headerFailedAt  = headerPrefix + "failed-at"
	headerEncoding  = headerPrefix + "encoding"
	headerRedrives  = headerPrefix + "redrive-count"
)

// How a dead letter holds the message's value.
const (
	encodingJSON   = "json"   // as it is, in original_message
	encodingBase64 = "base64" // as a string in original_message, because it is no JSON
	encodingNull   = "null"   // original_message is null, because the message was a tombstone
	encodingRaw    = "raw"    // the record's value is the message's: the rest is in the headers
)

const (
	originalName = "original_message"
	errorName    = "error"
	encodingName = "encoding"

	// maxDepth is how deeply a message may be nested to be shown as JSON.
	// Many readers refuse more than 64 levels, and the dead letter is one.
	maxDepth = 60
)

// encodeDeadLetter returns the dead letter of m as it goes to its topic:
//
//	{"original_message":…,"error":{"timestamp":…,"reason":…},"encoding":…}
//
// JSON stays byte for byte as it is, white space included. It shares memory
// with m.
func encodeDeadLetter(m *message.Message, f engine.Failure, group string) *message.Message {
	encoding := encodingOf(m.Value)
	v := make([]byte, 0, len(m.Value)*4/3+512)
	v = append(v, `{"`+originalName+`":`...)
	switch encoding {
	case encodingNull:
		v = append(v, "null"...)
	case encodingJSON:
		v = append(v, m.Value...)
	default:
		v = append(v, '"')
		v = base64.StdEncoding.AppendEncode(v, m.Value)
		v = append(v, '"')
	}
	v = append(v, `,"`+errorName+`":{"timestamp":"`...)
	v = f.Time.UTC().AppendFormat(v, time.RFC3339Nano)
	v = append(v, `","reason":`...)
	v, _ = jsontext.AppendQuote(v, f.Reason()) // the only error is invalid UTF-8, which Reason has not
	v = append(v, `},"`+encodingName+`":"`+encoding+`"}`...)
	return letter(m, f, group, v, encoding)
}

// rawDeadLetter returns the dead letter of m that is as small as can be: its
// value is m's.
func rawDeadLetter(m *message.Message, f engine.Failure, group string) *message.Message {
	return letter(m, f, group, m.Value, encodingRaw)
}

func letter(m *message.Message, f engine.Failure, group string, value []byte, encoding string) *message.Message {
	redrives, ok := m.Get(headerRedrives)
	if !ok {
		redrives = []byte("0")
	}
	headers := make([]message.Field, 0, len(m.Headers)+11)
	headers = append(headers, originalHeaders(m)...)
	add := func(key, value string) { headers = append(headers, message.Field{Key: key, Value: []byte(value)}) }
	add(headerTopic, m.Topic)
	add(headerPartition, strconv.Itoa(int(m.Partition)))
	add(headerOffset, strconv.FormatInt(m.Offset, 10))
	if !m.Time.IsZero() {
		add(headerTimestamp, m.Time.UTC().Format(time.RFC3339Nano))
	}
	add(headerGroup, group)
	add(headerAttempts, strconv.Itoa(f.Attempts))
	add(headerClass, string(f.Class))
	add(headerReason, f.Reason())
	add(headerFailedAt, f.Time.UTC().Format(time.RFC3339Nano))
	add(headerEncoding, encoding)
	add(headerRedrives, string(redrives))
	return &message.Message{Topic: DeadLetterTopic(m.Topic), Key: m.Key, Value: value, Headers: headers}
}

// originalHeaders returns m's headers without those of a dead letter.
func originalHeaders(m *message.Message) []message.Field {
	return slices.DeleteFunc(slices.Clone(m.Headers), func(h message.Field) bool {
		return strings.HasPrefix(h.Key, headerPrefix)
	})
}

// encodingOf returns how a dead letter holds value.
func encodingOf(value []byte) string {
	switch {
	case value == nil:
		return encodingNull
	case isJSON(value):
		return encodingJSON
	}
	return encodingBase64
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

// Restore returns the message that a dead letter was made from, with its own
// topic, place, time, key, value and headers, to the byte.
func Restore(dead *message.Message) (*message.Message, error) {
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
	case encodingNull:
		return nil, nil
	case encodingRaw:
		return value, nil
	case encodingJSON, encodingBase64:
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	original, err := originalMember(value)
	if err != nil || encoding == encodingJSON {
		return original, err
	}
	text, err := jsontext.AppendUnquote(nil, bytes.TrimSpace(original))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", originalName, err)
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", originalName, err)
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
		isOriginal := name.String() == originalName
		start := d.InputOffset()
		if err := d.SkipValue(); err != nil {
			return nil, err
		}
		if isOriginal {
			return between(value, start, d.InputOffset())
		}
	}
	return nil, fmt.Errorf("the value is not a dead letter's: it has no %s", originalName)
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
