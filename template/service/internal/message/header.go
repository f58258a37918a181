package message

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Header is the part of an envelope that every message has, whatever its body.
type Header struct {
	MessageType   string    `json:"messageType"` // what happened; routes to the handler
	SchemaName    string    `json:"schemaName"`
	SchemaVersion string    `json:"schemaVersion"`
	CorrelationID string    `json:"correlationId,omitzero"` // what the message belongs to; the only one that may be missing
	MessageID     string    `json:"messageId"`              // unique, and the same when the message is delivered again
	Timestamp     time.Time `json:"timestamp"`              // in UTC; RFC 3339 on the wire
	Producer      string    `json:"producer"`               // the service that wrote it
}

// The ids are not secret, and asking the system for the randomness of each one
// takes as long as the rest of a header.
func init() { uuid.EnableRandPool() }

// NewHeader returns a header for a new message: a fresh id that sorts by time
// (UUID version 7), the time now, and the message type as the schema's name at
// version 1. The correlation id is left to the caller.
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

// check returns an error that names each required field that is missing.
func (h *Header) check() error {
	var missing []string
	require := func(field string, ok bool) {
		if !ok {
			missing = append(missing, "header."+field+": is required")
		}
	}
	require("messageType", h.MessageType != "")
	require("schemaName", h.SchemaName != "")
	require("schemaVersion", h.SchemaVersion != "")
	require("messageId", h.MessageID != "")
	require("timestamp", !h.Timestamp.IsZero())
	require("producer", h.Producer != "")
	if len(missing) > 0 {
		return Fail(ClassInvalid, "%s", strings.Join(missing, "; "))
	}
	return nil
}
