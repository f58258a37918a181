package message

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
)

// Event is a body that knows where it goes. A model becomes one by these
// methods; whoever publishes it needs to know nothing else.
//
// An event may also have SchemaName() string and SchemaVersion() string, which
// replace the message type and "1" in the header, and Headers() []Field, which
// are sent as transport headers.
type Event interface {
	Topic() string       // where it goes
	Key() string         // the id of what it is about: events with the same key keep their order; empty is no key
	MessageType() string // what happened, as consumers know it
}

// ErrTooLarge is the cause where a topic does not take a message for its size,
// however often it is tried.
var ErrTooLarge = errors.New("message is too large for the topic")

// Publisher publishes events. It is what handlers are given; all of its errors
// are *PublishError.
type Publisher interface {
	// Publish returns once the broker acknowledged the event, on all in-sync
	// replicas. Until then it is tried again by the publisher's retry policy,
	// and for as long as ctx lasts. After an error the event may have been
	// written all the same, when only the answer was missing. An error that
	// may pass asks for a Retry, so a handler can return it as it is.
	Publish(ctx context.Context, e Event) error

	// PublishAsync returns once the event is among those on their way, in the
	// order of the calls, and calls delivered exactly once, when its fate is
	// known: with where it landed, or with the error. While the publisher holds
	// as many bytes as it may, PublishAsync waits; the end of ctx ends that,
	// and means nothing for an event that is on its way. An event that is not
	// accepted has its call before PublishAsync returns.
	//
	// delivered is called by the goroutine that publishes the partition, so it
	// must be quick, and not wait for another event. Nor may it publish one:
	// without room, that would wait, until its ctx ends, for what this very
	// goroutine makes room by. It may have another goroutine do so. If it
	// panics, that is logged, and publishing goes on. If it is nil, an event
	// that is not published is logged.
	PublishAsync(ctx context.Context, e Event, delivered func(Delivery, error))

	// Flush returns once every event that was accepted before has met its
	// fate and its call has returned, or with ctx's error.
	Flush(ctx context.Context) error
}

// Sender sends messages as they are, with a topic, a key and a value.
type Sender interface {
	// Send writes m and returns once the broker acknowledged it; m's Partition
	// and Offset then tell where it landed. After an error m may or may not
	// have been written. An error that may pass asks for a Retry, so a handler
	// can return it as it is.
	Send(ctx context.Context, m *Message) error
}

// Delivery tells where an event landed.
type Delivery struct {
	Topic     string
	Key       string
	MessageID string
	Partition int32 // -1 when it was not published
	Offset    int64 // -1 when it was not published, or when an earlier attempt, whose answer was lost, had written it
}

// PublishError is an event that was not published.
type PublishError struct {
	Event     Event
	Topic     string
	Key       string
	MessageID string // empty when it failed before it had one
	Err       error
}

// Error names the event, not what is in it.
func (e *PublishError) Error() string {
	if e.Event == nil {
		return "publish: " + e.Err.Error()
	}
	return fmt.Sprintf("publish %s %s to %s, key %q: %v", e.Event.MessageType(), e.MessageID, e.Topic, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *PublishError) Unwrap() error { return e.Err }

// NewMessage returns the message that e is published as: its envelope, written
// by codec, under its key, by the service called producer. What is being
// handled in ctx gives the correlation id and the trace headers.
func NewMessage(ctx context.Context, codec Codec, e Event, producer string) (*Message, error) {
	if e == nil {
		return nil, errors.New("the event is nil")
	}
	made := &struct {
		message Message
		header  Header
	}{message: Message{Topic: e.Topic(), Partition: -1, Offset: -1}}
	m, h := &made.message, &made.header
	if err := checkTopic(m.Topic); err != nil {
		return m, fmt.Errorf("topic %q: %w", m.Topic, err)
	}
	*h = NewHeader(e.MessageType(), producer)
	m.Header, m.Body, m.Time = h, e, h.Timestamp
	h.describe(e) //forge:if avro
	if id, ok := ctx.Value(messageIDKey{}).(string); ok {
		h.MessageID = id
	}
	if s, ok := e.(interface{ SchemaName() string }); ok {
		h.SchemaName = s.SchemaName()
	}
	if s, ok := e.(interface{ SchemaVersion() string }); ok {
		h.SchemaVersion = s.SchemaVersion()
	}
	if s, ok := e.(interface{ Headers() []Field }); ok {
		m.Headers = append(m.Headers, s.Headers()...)
	}
	if key := e.Key(); key != "" {
		m.Key = []byte(key)
	}
	if cause, ok := FromContext(ctx); ok {
		m.follow(cause)
	}
	return m, codec.Encode(ctx, m, h, e)
}

// traceHeaders are W3C's, by which a trace goes on from one message to the next.
var traceHeaders = []string{"traceparent", "tracestate", "baggage"}

// follow makes m belong to what its cause belongs to.
func (m *Message) follow(cause *Message) {
	if cause.Header != nil {
		m.Header.CorrelationID = cmp.Or(cause.Header.CorrelationID, cause.Header.MessageID)
	}
	for _, name := range traceHeaders {
		if _, own := m.Get(name); own {
			continue
		}
		if value, ok := cause.Get(name); ok {
			m.Headers = append(m.Headers, Field{Key: name, Value: bytes.Clone(value)}) // the cause's lasts as long as its handler
		}
	}
}
