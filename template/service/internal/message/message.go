// Package message is to messages what net/http is to requests: it knows no
// broker and no wire format. A handler needs a dozen names:
//
//	Of[T], Header                                    the message, its body decoded into a T
//	Register, Scoped                                 which handler gets the messages of a topic
//	Retry, RetryAfter, Permanent, Unavailable        what is to become of a message that failed
//	Invalid, ForbidExtra                             the rules of a model
//	Event, Publisher, WithMessageID                  what the service publishes
//
// Codec and Rules are implemented by package envelope, Publisher by the broker's
// package. Package messagetest has what the tests of a handler need.
package message

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Message is one message as a broker delivered it, or as it is to be published.
// What a handler gets is its own copy, to keep and to change.
type Message struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte    // nil is no key; an empty key is a key
	Value     []byte    // nil is a tombstone
	Headers   []Field   // transport headers, in the order of the wire
	Time      time.Time // when it was produced, or appended, by the broker's setting
	Attempt   int       // 1 for the first; attempts that ended with Unavailable are not counted

	Header  Header       // the envelope's header; zero until the envelope was opened
	Decoded any          // a pointer to the decoded body; nil until it was decoded
	Retry   *RetryPolicy // of the message's registration, set by the Registry; nil is the service's
}

// Of is a message whose body was decoded into a T: m.Body is the body, m.Header
// the envelope's header, m.Topic, m.Key and the rest are the Message's.
type Of[T any] struct {
	*Message
	Body T
}

// Field is one transport header. Names may repeat.
type Field struct {
	Key   string
	Value []byte
}

// Get returns the value of the last transport header called key, and whether
// there is one.
func (m *Message) Get(key string) ([]byte, bool) {
	for _, f := range slices.Backward(m.Headers) {
		if f.Key == key {
			return f.Value, true
		}
	}
	return nil, false
}

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

// NewHeader returns a header for a new message: a fresh id that sorts by time (UUID version
// 7), the time now, and the message type as the schema's name. It has no correlation id.
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
	if h.MessageType != "" && h.SchemaName != "" && h.SchemaVersion != "" && h.MessageID != "" && h.Producer != "" && !h.Timestamp.IsZero() {
		return nil
	}
	err := errors.Join(Required("messageType", h.MessageType), Required("schemaName", h.SchemaName), Required("schemaVersion", h.SchemaVersion),
		Required("messageId", h.MessageID), Required("producer", h.Producer))
	if h.Timestamp.IsZero() {
		err = errors.Join(err, Invalid("timestamp", "is required"))
	}
	return InvalidPart("header", err)
}

type (
	messageKey       struct{}
	messageIDKey     struct{}
	correlationIDKey struct{}
)

// FromContext returns the message that is being handled.
func FromContext(ctx context.Context) (*Message, bool) {
	m, _ := ctx.Value(messageKey{}).(*Message)
	return m, m != nil
}

// NewContext returns a context in which m is the message being handled: for tests, and for
// what handles several at once and publishes because of one.
func NewContext(ctx context.Context, m *Message) context.Context {
	return context.WithValue(ctx, messageKey{}, m)
}

// WithMessageID returns a context in which what is published has the given id. It is for
// one message: consumers take a second one with the same id for the same.
func WithMessageID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, messageIDKey{}, id)
}

// WithCorrelationID returns a context in which what is published has the given
// correlation id. Without it, that of the message being handled goes on.
func WithCorrelationID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationIDKey{}, id)
}
