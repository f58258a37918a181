package message

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// For codecs whose envelopes have their body in the value and their header in
// the transport's headers, each field under its name in the JSON.

// WriteHeader appends the fields of h to m.Headers. An incomplete h is an error.
func WriteHeader(m *Message, h *Header) error {
	if err := h.check(); err != nil {
		return fmt.Errorf("encode %s: %w", quote(h.MessageType), err)
	}
	at, err := h.Timestamp.UTC().MarshalText()
	if err != nil {
		return fmt.Errorf("encode %s: header.timestamp: %w", quote(h.MessageType), err)
	}
	m.Headers = append(m.Headers,
		Field{"messageType", []byte(h.MessageType)},
		Field{"schemaName", []byte(h.SchemaName)},
		Field{"schemaVersion", []byte(h.SchemaVersion)},
		Field{"messageId", []byte(h.MessageID)},
		Field{"timestamp", at},
		Field{"producer", []byte(h.Producer)})
	if h.CorrelationID != "" {
		m.Headers = append(m.Headers, Field{"correlationId", []byte(h.CorrelationID)})
	}
	return nil
}

// ReadHeader fills h from m.Headers. Of a name that repeats the last counts;
// fields that are not there stay as they are; other headers are not looked at.
func ReadHeader(m *Message, h *Header) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.ids, d.correlation, d.id = d.ids[:0], span{}, span{}
	for i := range m.Headers {
		if err := d.transportField(h, &m.Headers[i]); err != nil {
			return err
		}
	}
	ids := string(d.ids)
	if id := ids[d.correlation.from:d.correlation.to]; id != "" {
		h.CorrelationID = id
	}
	if id := ids[d.id.from:d.id.to]; id != "" {
		h.MessageID = id
	}
	return nil
}

// transportField reads one of the transport's headers if it is of the envelope.
func (d *decoder) transportField(h *Header, f *Field) error {
	var word *string
	switch f.Key {
	case "messageType":
		word = &h.MessageType
	case "schemaName":
		word = &h.SchemaName
	case "schemaVersion":
		word = &h.SchemaVersion
	case "producer":
		word = &h.Producer
	case "correlationId":
		d.correlation = d.keepID(f.Value)
	case "messageId":
		d.id = d.keepID(f.Value)
	case "timestamp":
		var at time.Time
		if err := at.UnmarshalText(f.Value); err != nil || !isStrict(f.Value) {
			return Fail(ClassInvalid, "header.timestamp: must be RFC 3339, got %s", quote(string(f.Value)))
		}
		h.Timestamp = at.UTC()
		return nil
	default:
		return nil
	}
	if !utf8.Valid(f.Value) {
		return Fail(ClassInvalid, "header.%s: must be text in UTF-8", f.Key)
	}
	if word != nil {
		*word = d.words.get(f.Value)
	}
	return nil
}

// keepID notes an id. All of them share one allocation.
func (d *decoder) keepID(b []byte) span {
	from := len(d.ids)
	d.ids = append(d.ids, b...)
	return span{from, len(d.ids)}
}

// MarshalBody returns a body in JSON, as it is in an envelope.
func MarshalBody(body any) ([]byte, error) { return json.Marshal(body, json.Deterministic(true)) }

// UnmarshalBody reads a body in JSON as it is read in an envelope. Errors are
// permanent, and name the field by its path.
func UnmarshalBody(data []byte, out any) error { return readAlone(data, out) }
