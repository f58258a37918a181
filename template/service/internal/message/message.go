// Package message is to messages what net/http is to requests: the message and
// its envelope, handlers with their outcomes, middleware, and the registry in
// which a topic meets its handler. It knows no broker.
package message

import (
	"slices"
	"time"
)

// Message is one message as a broker delivered it, or as it is to be published.
// Key, Value and Headers may share memory with the client's buffers, and a
// message lets go of key and value once it is done: a handler that needs them
// after it returned copies them before. A handler or middleware may set them to others,
// though not write into what they point to: that holds for the rest of this
// attempt; the next one, and the dead letter, are of what was delivered.
type Message struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte    // nil is no key; an empty key is a key
	Value     []byte    // nil is a tombstone
	Headers   []Field   // transport headers, in the order of the wire
	Time      time.Time // when it was produced, or appended, by the broker's setting
	Attempt   int       // 1 the first time a handler sees it, set by the engine; Unavailable is not counted

	Header *Header // the envelope's header; nil until the value was decoded
	Body   any     // a pointer to the envelope's body; nil until the value was decoded
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
