package message

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Header is the part of an envelope that every message has, whatever its body.
// On the wire its fields are called messageType, schemaName, schemaVersion,
// correlationId, messageId, timestamp and producer.
type Header struct {
	MessageType   string // what happened; routes to the handler
	SchemaName    string
	SchemaVersion string
	CorrelationID string    // what the message belongs to; the only one that may be empty
	MessageID     string    // unique, and the same when the message is delivered again
	Timestamp     time.Time // in UTC; RFC 3339 on the wire
	Producer      string    // the service that wrote it
}

// Ids are no secrets, and fetching the randomness of each from the system takes
// as long as all else in a header.
func init() { uuid.EnableRandPool() }

// NewHeader returns a header for a new message: a fresh id that sorts by time
// (UUID version 7), the time now, and the message type as the schema's name at
// version 1. The other fields are the caller's to set.
func NewHeader(messageType, producer string) Header {
	return Header{
		MessageType:   messageType,
		SchemaName:    messageType,
		SchemaVersion: "1",
		MessageID:     uuid.Must(uuid.NewV7()).String(),
		Timestamp:     time.Now().UTC(),
		Producer:      producer,
	}
}

// complete reports whether each required field is there. It is written out
// because it runs for every message.
func (h *Header) complete() bool {
	return h.MessageType != "" && h.SchemaName != "" && h.SchemaVersion != "" &&
		h.MessageID != "" && !h.Timestamp.IsZero() && h.Producer != ""
}

// check returns an error that names each required field that is missing.
func (h *Header) check() error {
	if h.complete() {
		return nil
	}
	var missing []string
	for _, f := range []struct {
		name  string
		empty bool
	}{
		{"messageType", h.MessageType == ""},
		{"schemaName", h.SchemaName == ""},
		{"schemaVersion", h.SchemaVersion == ""},
		{"messageId", h.MessageID == ""},
		{"timestamp", h.Timestamp.IsZero()},
		{"producer", h.Producer == ""},
	} {
		if f.empty {
			missing = append(missing, "header."+f.name+": is required")
		}
	}
	return Fail(ClassInvalid, "%s", strings.Join(missing, "; "))
}
