package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Event is a model that knows where it goes. It may also have SchemaName() string
// and SchemaVersion() string, which replace the message type and "1" in the
// header, and Headers() []Field, which are sent as transport headers.
type Event interface {
	Topic() string       // where it goes
	Key() string         // the id of what it is about: events with the same key keep their order; empty is no key
	MessageType() string // what happened, as consumers know it
}

// ErrTooLarge is the cause when a topic refuses a message for its size.
var ErrTooLarge = errors.New("message is too large for the topic")

// ErrRefused is the cause when the broker refuses a message for what a person has to
// correct, such as a right that is missing.
var ErrRefused = errors.New("the broker refuses the message")

// Publisher publishes events. It is what handlers are given; all of its errors
// are *PublishError.
type Publisher interface {
	// Publish returns once the broker acknowledged the event, on all in-sync replicas.
	// Until then it is tried again by the publisher's retry policy, while ctx lasts. After
	// an error the event may have been written all the same. An error that may pass asks
	// for a Retry, so a handler can return it as it is.
	Publish(ctx context.Context, e Event) error

	// PublishAsync returns once the event is buffered, in the order of the calls, and calls
	// delivered exactly once, with where the event landed or with the error. While the
	// buffer is full it waits, until ctx ends.
	//
	// delivered delays the callbacks after it, so it must return soon and must not publish.
	// That of an event which is not buffered is called before PublishAsync returns. If it is
	// nil, an event that is not published is logged.
	PublishAsync(ctx context.Context, e Event, delivered func(Delivery, error))

	// Flush returns once every event that was buffered before is published or
	// has failed, and its call has returned, or with ctx's error.
	Flush(ctx context.Context) error
}

// Delivery says where an event landed.
type Delivery struct {
	Topic     string
	Key       string
	MessageID string
	Partition int32 // -1 when it was not published
	Offset    int64 // -1 when it was not published, or when an earlier attempt, whose answer was lost, had written it
}

// PublishError is an event that was not published.
type PublishError struct {
	Event    Event
	Delivery // with the empty MessageID when it failed before it had one
	Err      error
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

// Publishes declares events that the service publishes: their rules and, if
// there are any, schemas are then checked at the start, and PublishedTopics has
// their topics. It comes with the registrations.
func (r *Registry) Publishes(events ...Event) {
	for _, e := range events {
		if err := r.publishes(e); err != nil {
			panic(fmt.Errorf("message: publish a %T: %w", e, err))
		}
	}
}

func (r *Registry) publishes(e Event) error {
	if isNil(e) {
		return errors.New("the event is nil")
	}
	topic, codec := e.Topic(), r.codecOf(e.Topic())
	if err := checkTopic(topic); err != nil {
		return fmt.Errorf("topic %q: %w", topic, err)
	}
	r.topicCodecs[topic], r.published[topic] = codec, true
	_, err := r.prepareModel(topic, codec, bodyOf(e).Type().Elem())
	return err
}

// PublishedTopics returns the topics of what Publishes declared, on r and its
// siblings, sorted.
func (r *Registry) PublishedTopics() []string { return slices.Sorted(maps.Keys(r.published)) }

// Encode returns the message that e is published as by the service called producer: its
// envelope, written by the codec of its topic, under its key. The message being handled in
// ctx gives the trace headers, and the correlation id unless WithCorrelationID did; without
// either it is the event's own id.
//
// An event that breaks the rules of its model is a permanent error of ClassHandler: it was
// made here, whatever was received. With an error the message is as far as it was made.
func (r *Registry) Encode(ctx context.Context, e Event, producer string) (m *Message, err error) {
	defer func() {
		if OutcomeOf(err) == OutcomePermanent {
			err = Fail(ClassHandler, "%w", err)
		}
	}()
	if isNil(e) {
		return nil, Permanent(errors.New("the event is nil"))
	}
	m = &Message{Topic: e.Topic(), Partition: -1, Offset: -1, Decoded: e}
	if key := e.Key(); key != "" {
		m.Key = []byte(key)
	}
	setHeaders(ctx, m, e, producer)
	if err := checkTopic(m.Topic); err != nil {
		return m, Permanent(fmt.Errorf("topic %q: %w", m.Topic, err))
	}
	if err := m.Header.check(); err != nil {
		return m, err
	}
	body := bodyOf(e)
	check, err := r.rulesOf(body.Type().Elem())
	if err != nil {
		return m, Permanent(err)
	}
	if err := check(body.Interface()); err != nil {
		return m, InvalidPart("body", err)
	}
	return m, r.codecOf(m.Topic).Encode(ctx, m, m.Header, e)
}

// bodyOf returns a pointer to the model that e is.
func bodyOf(e Event) reflect.Value {
	v := reflect.ValueOf(e)
	if v.Kind() == reflect.Pointer {
		return v
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}

// setHeaders sets the header of m, and the transport headers: the event's own and
// those of W3C's trace, which goes on from one message to the next.
func setHeaders(ctx context.Context, m *Message, e Event, producer string) {
	h := NewHeader(e.MessageType(), producer)
	if s, ok := e.(interface{ SchemaName() string }); ok {
		h.SchemaName = s.SchemaName()
	}
	if s, ok := e.(interface{ SchemaVersion() string }); ok {
		h.SchemaVersion = s.SchemaVersion()
	}
	if s, ok := e.(interface{ Headers() []Field }); ok {
		m.Headers = slices.Clone(s.Headers())
	}
	if id, ok := ctx.Value(messageIDKey{}).(string); ok {
		h.MessageID = id
	}
	h.CorrelationID, _ = ctx.Value(correlationIDKey{}).(string)
	if cause, ok := FromContext(ctx); ok {
		h.CorrelationID = cmp.Or(h.CorrelationID, cause.Header.CorrelationID, cause.Header.MessageID)
		for _, name := range []string{"traceparent", "tracestate", "baggage"} {
			value, ok := cause.Get(name)
			if _, isSet := m.Get(name); ok && !isSet {
				m.Headers = append(m.Headers, Field{Key: name, Value: value})
			}
		}
	}
	h.CorrelationID = cmp.Or(h.CorrelationID, h.MessageID)
	m.Header, m.Time = h, h.Timestamp
}
