package message

import "unicode/utf8"

// For codecs whose envelopes have their body in the value and their header in
// the transport's headers, each field under its name in the JSON.

// WriteHeader appends the fields of h to m.Headers.
func WriteHeader(m *Message, h Header) error {
	at, err := h.Timestamp.UTC().MarshalText()
	if err != nil {
		return Fail(ClassInvalid, "header.timestamp: %w", err)
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

// ReadHeader sets the fields of h from m.Headers. Of a name that repeats the
// last counts; fields that are not there, and ids that are empty, stay as they
// are; other headers are ignored.
func ReadHeader(m *Message, h *Header) error {
	for _, f := range m.Headers {
		text := string(f.Value)
		switch f.Key {
		case "messageType":
			h.MessageType = text
		case "schemaName":
			h.SchemaName = text
		case "schemaVersion":
			h.SchemaVersion = text
		case "producer":
			h.Producer = text
		case "correlationId":
			h.CorrelationID = text
		case "messageId":
			h.MessageID = text
		case "timestamp":
			if h.Timestamp.UnmarshalText(f.Value) != nil {
				return Fail(ClassInvalid, "header.timestamp: must be an RFC 3339 time, got %s", Quote(text))
			}
			h.Timestamp = h.Timestamp.UTC()
		default:
			continue
		}
		if !utf8.Valid(f.Value) {
			return Fail(ClassInvalid, "header.%s: must be text in UTF-8", f.Key)
		}
	}
	return nil
}
