package dlq

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Letter is a dead letter: the message that failed, and why.
type Letter struct {
	message.Message // the dead letter itself

	Group    string // whose handler failed; "" is not known
	Class    string
	Reason   string
	Attempts string
	FailedAt time.Time
	Original message.Message // with its own topic, partition, offset, time, key, value and headers
}

// unopened returns a dead letter as it is.
func unopened(m message.Message) *Letter {
	l := &Letter{Message: m, FailedAt: sayable(m.Time)}
	l.Original = message.Message{Key: m.Key, Value: m.Value, Headers: slices.Clone(m.Headers), Partition: -1, Offset: -1}
	return l
}

// sayable returns t, or no time if RFC 3339, and so JSON, does not have its year.
func sayable(t time.Time) time.Time {
	if year := t.UTC().Year(); year < 0 || year > 9999 {
		return time.Time{}
	}
	return t
}

// open reads a dead letter of this service, of Spring for Apache Kafka, or of
// Watermill. Partition and offset of the original are -1 when they are not known.
func open(m message.Message) (*Letter, error) {
	l := unopened(m)
	for _, format := range []struct {
		topic string // the header that all letters of the format have
		read  func(*Letter) error
	}{
		{deadletter.Prefix + "topic", readOwn}, {springPrefix + "original-topic", readSpring}, {"topic_poisoned", readWatermill},
	} {
		topic, ok := l.Original.Get(format.topic)
		if !ok || len(topic) == 0 {
			continue
		}
		l.Original.Topic = string(topic)
		if err := format.read(l); err != nil {
			return nil, err
		}
		return l, nil
	}
	return nil, fmt.Errorf("no header says which topic it came from (%stopic)", deadletter.Prefix)
}

// text returns a header's value.
func (l *Letter) text(name string) string {
	value, _ := l.Original.Get(name)
	return string(value)
}

// dropHeaders removes the headers that made the message a dead letter.
func (l *Letter) dropHeaders(isAdded func(name string) bool) {
	l.Original.Headers = slices.DeleteFunc(l.Original.Headers, func(h message.Field) bool { return isAdded(h.Key) })
}

// readOwn reads what package deadletter writes.
func readOwn(l *Letter) (err error) {
	get := func(name string) string { return l.text(deadletter.Prefix + name) }
	l.Group, l.Class, l.Reason, l.Attempts = get("group"), get("class"), get("reason"), get("attempts")
	if t, err := time.Parse(time.RFC3339Nano, get("failed-at")); err == nil {
		l.FailedAt = t
	}
	if t, err := time.Parse(time.RFC3339Nano, get("timestamp")); err == nil {
		l.Original.Time = t
	}
	if n, err := strconv.ParseInt(get("partition"), 10, 32); err == nil {
		l.Original.Partition = int32(n)
	}
	if n, err := strconv.ParseInt(get("offset"), 10, 64); err == nil {
		l.Original.Offset = n
	}
	l.Original.Value, err = originalValue(l.Original.Value, get("encoding"))
	l.dropHeaders(func(name string) bool { return strings.HasPrefix(name, deadletter.Prefix) })
	return err
}

// springPrefix begins the names of the headers of Spring's
// DeadLetterPublishingRecoverer. Its numbers are big-endian.
const springPrefix = "kafka_dlt-"

func readSpring(l *Letter) error {
	get := func(name string) string { return l.text(springPrefix + name) }
	l.Group, l.Class, l.Reason = get("original-consumer-group"), get("exception-fqcn"), get("exception-message")
	if v := get("original-partition"); len(v) == 4 {
		l.Original.Partition = int32(binary.BigEndian.Uint32([]byte(v))) // #nosec G115 -- it was an int32
	}
	if v := get("original-offset"); len(v) == 8 {
		l.Original.Offset = int64(binary.BigEndian.Uint64([]byte(v))) // #nosec G115 -- it was an int64
	}
	if v := get("original-timestamp"); len(v) == 8 {
		l.Original.Time = sayable(time.UnixMilli(int64(binary.BigEndian.Uint64([]byte(v))))) // #nosec G115 -- it was an int64
	}
	l.dropHeaders(func(name string) bool { return strings.HasPrefix(name, springPrefix) })
	return nil
}

// readWatermill reads what Watermill's poison queue middleware adds.
func readWatermill(l *Letter) error {
	l.Reason = l.text("reason_poisoned")
	l.dropHeaders(func(name string) bool { return strings.HasSuffix(name, "_poisoned") })
	return nil
}

// originalValue takes the message's value out of a dead letter's.
func originalValue(value []byte, encoding string) ([]byte, error) {
	switch encoding {
	case deadletter.EncodingNull:
		return nil, nil
	case deadletter.EncodingRaw:
		return value, nil
	case deadletter.EncodingJSON, deadletter.EncodingBase64:
	default:
		return nil, fmt.Errorf("header %sencoding is %s: it must be json, base64, raw or null", deadletter.Prefix, message.Quote(encoding))
	}
	original, err := originalMember(value)
	if err != nil || encoding == deadletter.EncodingJSON {
		return original, err
	}
	text, err := jsontext.AppendUnquote(nil, bytes.TrimSpace(original))
	if err != nil {
		return nil, errors.New("original_message is not a JSON string")
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(decoded, text)
	if err != nil {
		return nil, errors.New("original_message is not base64")
	}
	return decoded[:n], nil
}

// originalMember returns the bytes between the colon behind original_message and
// the comma or brace behind its value: white space there is the message's own.
func originalMember(value []byte) ([]byte, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(value), jsontext.AllowDuplicateNames(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errors.New("the value is not a dead letter's: it is no JSON object")
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		isOriginal := name.String() == "original_message"
		start := d.InputOffset()
		if err := d.SkipValue(); err != nil {
			break
		}
		end := d.InputOffset()
		if !isOriginal {
			continue
		}
		colon, space := bytes.IndexByte(value[start:end], ':'), bytes.IndexAny(value[end:], ",}")
		if colon < 0 || space < 0 {
			break
		}
		return value[start+int64(colon)+1 : end+int64(space)], nil
	}
	return nil, errors.New("the value is not a dead letter's: it has no original_message")
}
