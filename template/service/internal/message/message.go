package message

import (
	"slices"
	"time"
)

// Message is one message as a broker delivered it, or as it is to be published.
// A handler may keep it: nothing in it is used again.
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

// Of is a message whose body was decoded into a T: m.Body is the body, m.Header
// the envelope's header, m.Topic, m.Key and the rest are the Message's.
type Of[T any] struct {
	*Message
	Body T
}
