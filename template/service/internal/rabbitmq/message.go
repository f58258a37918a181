package rabbitmq

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// The headers of AMQP that say of a message what AMQP has no word for. Handlers do not
// see them.
const (
	keyHeader  = "forge-key"  // its key, nothing if it has none; without the header it is the routing key of its exchange
	nullHeader = "forge-null" // it is a tombstone
	// offsetHeader has its place in its queue, for senders that wait for what becomes of
	// it, as tests do. Other messages have the number that the consumer gives them.
	offsetHeader = "forge-offset"
)

// publishing returns a message as it goes to the broker, durable.
func publishing(m *message.Message) (amqp.Publishing, error) {
	out := amqp.Publishing{
		DeliveryMode: amqp.Persistent, Body: m.Value, Timestamp: m.Time, Headers: amqp.Table{keyHeader: nil},
		MessageId: short(m.Header.MessageID), CorrelationId: short(m.Header.CorrelationID), Type: short(m.Header.MessageType), AppId: short(m.Header.Producer),
	}
	if m.Time.IsZero() {
		out.Timestamp = time.Now()
	}
	if m.Key != nil {
		out.Headers[keyHeader] = string(m.Key)
	}
	if m.Value == nil {
		out.Headers[nullHeader] = true
	}
	for _, h := range m.Headers {
		if len(h.Key) > maxShortText {
			return out, message.Permanent(fmt.Errorf("header %.20q… has a name of %d bytes: AMQP takes %d", h.Key, len(h.Key), maxShortText))
		}
		var value any
		if h.Value != nil {
			value = string(h.Value)
		}
		switch before, isThere := out.Headers[h.Key]; {
		case !isThere:
			out.Headers[h.Key] = value
		default: // AMQP has each name once
			list, _ := before.([]any)
			if list == nil {
				list = []any{before}
			}
			out.Headers[h.Key] = append(list, value)
		}
	}
	return out, nil
}

// short returns a text that is a property of AMQP, nothing if it is too long for that:
// the message itself has it too.
func short(text string) string {
	if len(text) > maxShortText {
		return ""
	}
	return text
}

// received returns a delivery as the engine gets it, but for where it is from. exchange is
// that of its topic.
func received(d *amqp.Delivery, exchange string) message.Message {
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
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) { // a table has no order
		switch value := d.Headers[name].(type) {
		case []any:
			for _, v := range value {
				m.Headers = append(m.Headers, message.Field{Key: name, Value: bytesOf(v)})
			}
		default:
			if !isOfTransport(name) {
				m.Headers = append(m.Headers, message.Field{Key: name, Value: bytesOf(value)})
			}
		}
	}
	return m
}

// isOfTransport reports whether a header says something of this delivery, and is no part
// of what was sent.
func isOfTransport(name string) bool {
	return name == keyHeader || name == nullHeader || name == offsetHeader || strings.HasPrefix(name, "x-delivery-") || name == "x-acquired-count"
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
