package rabbitmq

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The headers of AMQP that say of a message what AMQP has no word for. Handlers do not
// see them.
const (
	keyHeader  = "forge-key"  // its key, nothing if it has none; without the header it is the routing key of its exchange
	nullHeader = "forge-null" // it is a tombstone
	// OffsetHeader has its place in its queue, for senders that wait for what becomes of
	// it, as tests do. Other messages have the number that their channel gives them.
	OffsetHeader = "forge-offset"
)

// property is one of AMQP's own of a message, as consumers see it among the headers.
type property struct {
	header string
	value  *string
	isBack bool // what goes out with the header has the property in its place
}

const propertyPrefix = "amqp-" // begins their headers

// propertiesOf returns the properties of what is published. What says of a body how it is
// written is none of a dead letter, whose body is another; a time to live would end it, and a
// user is the broker's to say.
func propertiesOf(p *amqp.Publishing, isLetter bool) []property {
	return []property{
		{propertyPrefix + "message-id", &p.MessageId, true}, {propertyPrefix + "correlation-id", &p.CorrelationId, true},
		{propertyPrefix + "type", &p.Type, true}, {propertyPrefix + "app-id", &p.AppId, true}, {propertyPrefix + "reply-to", &p.ReplyTo, true},
		{propertyPrefix + "content-type", &p.ContentType, !isLetter}, {propertyPrefix + "content-encoding", &p.ContentEncoding, !isLetter},
		{propertyPrefix + "expiration", &p.Expiration, false}, {propertyPrefix + "user-id", &p.UserId, false},
	}
}

// Publishing returns a message as it goes to the broker, durable.
func Publishing(m *message.Message) (amqp.Publishing, error) {
	out := amqp.Publishing{
		DeliveryMode: amqp.Persistent, Body: m.Value, Timestamp: cmp.Or(m.Time, time.Now()), Headers: amqp.Table{keyHeader: nil},
		MessageId: m.Header.MessageID, CorrelationId: m.Header.CorrelationID, Type: m.Header.MessageType, AppId: m.Header.Producer,
	}
	isLetter := strings.HasSuffix(m.Topic, deadletter.Suffix)
	if !isLetter && bytes.HasPrefix(m.Value, []byte("{")) {
		out.ContentType = "application/json"
	}
	properties := propertiesOf(&out, isLetter)
	for _, p := range properties {
		if len(*p.value) > maxShortText { // the message itself has it too
			*p.value = ""
		}
	}
	if m.Key != nil {
		out.Headers[keyHeader] = string(m.Key)
	}
	if m.Value == nil {
		out.Headers[nullHeader] = true
	}
	for _, h := range m.Headers {
		if at := slices.IndexFunc(properties, func(p property) bool { return p.header == h.Key }); at >= 0 && properties[at].isBack && len(h.Value) <= maxShortText {
			*properties[at].value = string(h.Value)
			continue
		}
		if len(h.Key) > maxShortText {
			return out, message.Permanent(fmt.Errorf("header %.20q… has a name of %d bytes: AMQP takes %d", h.Key, len(h.Key), maxShortText))
		}
		var value any
		if h.Value != nil {
			value = string(h.Value)
		}
		if before, isThere := out.Headers[h.Key]; isThere { // AMQP has each name once
			list, isList := before.([]any)
			if !isList {
				list = []any{before}
			}
			value = slices.Concat(list, []any{value})
		}
		out.Headers[h.Key] = value
	}
	return out, nil
}

// Received returns a delivery as the engine gets it, but for where it is from. exchange is
// that of its topic.
func Received(d *amqp.Delivery, exchange string) message.Message {
	m := message.Message{Value: d.Body, Time: d.Timestamp}
	if m.Value == nil {
		m.Value = []byte{}
	}
	if _, isNull := d.Headers[nullHeader]; isNull && len(d.Body) == 0 {
		m.Value = nil
	}
	if key, ok := d.Headers[keyHeader]; ok {
		m.Key = bytesOf(key)
	} else if d.Exchange == exchange {
		m.Key = []byte(d.RoutingKey)
	}
	properties := propertiesOf(&amqp.Publishing{
		MessageId: d.MessageId, CorrelationId: d.CorrelationId, Type: d.Type, AppId: d.AppId, ReplyTo: d.ReplyTo,
		ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, Expiration: d.Expiration, UserId: d.UserId,
	}, false)
	if d.Priority > 0 {
		properties = append(properties, property{propertyPrefix + "priority", new(strconv.Itoa(int(d.Priority))), false})
	}
	for _, p := range properties {
		if *p.value != "" {
			m.Headers = append(m.Headers, message.Field{Key: p.header, Value: []byte(*p.value)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) { // a table has no order
		if isOfTransport(name) {
			continue
		}
		values, isList := d.Headers[name].([]any)
		if !isList {
			values = []any{d.Headers[name]}
		}
		for _, value := range values {
			m.Headers = append(m.Headers, message.Field{Key: name, Value: bytesOf(value)})
		}
	}
	return m
}

// isOfTransport reports whether a header says something of this delivery, and is no part
// of what was sent.
func isOfTransport(name string) bool {
	return name == keyHeader || name == nullHeader || name == OffsetHeader || strings.HasPrefix(name, "x-delivery-") || name == "x-acquired-count"
}

// bytesOf returns a value of a table: text as it is, others as Go writes them.
func bytesOf(value any) []byte {
	switch v := value.(type) {
	case nil:
		return nil
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return fmt.Append(nil, value)
}
