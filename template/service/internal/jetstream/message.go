package jetstream

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ouroboros-forge/forge/template/service/internal/deadletter"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// Headers of this package's own. What a message has no header of is as it looks: it has no
// key, its value may be empty and is no tombstone, its headers are those of NATS.
const (
	headerKey       = "Forge-Key"       // escaped as in a URL's query
	headerTombstone = "Forge-Tombstone" // the value is nil
	headerTime      = "Forge-Time"      // when the message was produced
	headerOrder     = "Forge-Order"     // names of headers in their order, if it is not that of the names, with the values that NATS cannot carry
)

// wire returns m as it goes to a subject. The server knows it by its id.
func wire(subject string, m *message.Message, id string) *nats.Msg {
	h := nats.Header{nats.MsgIdHdr: {id}}
	if m.Key != nil {
		h[headerKey] = []string{url.QueryEscape(string(m.Key))}
	}
	if m.Value == nil {
		h[headerTombstone] = []string{"1"}
	}
	if !m.Time.IsZero() {
		h[headerTime] = []string{m.Time.UTC().Format(time.RFC3339Nano)}
	}
	var order []string
	for _, f := range m.Headers {
		item := url.QueryEscape(f.Key)
		if isPlain(f) {
			h[f.Key] = append(h[f.Key], string(f.Value))
		} else {
			item += "=" + url.QueryEscape(string(f.Value))
		}
		order = append(order, item)
	}
	if !slices.EqualFunc(fields(h), m.Headers, isSame) {
		h[headerOrder] = []string{strings.Join(order, "&")}
	}
	return &nats.Msg{Subject: subject, Header: h, Data: m.Value}
}

func isSame(a, b message.Field) bool { return a.Key == b.Key && string(a.Value) == string(b.Value) }

// sizeOf returns the bytes of headers as they are sent.
func sizeOf(h nats.Header) int {
	n := len("NATS/1.0\r\n\r\n")
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	return n
}

// idOf returns the id by which the server knows a message that it has: that of an event,
// or of a dead letter the place that it came from, with the time, as places come again in
// a stream that was made anew.
func idOf(m *message.Message) string {
	of := func(name string) string {
		v, _ := m.Get(deadletter.Prefix + name)
		return string(v)
	}
	if m.Header.MessageID == "" && strings.HasSuffix(m.Topic, deadletter.Suffix) && of("topic") != "" {
		return strings.Join([]string{of("group"), of("topic"), of("partition"), of("offset"), of("timestamp")}, "/")
	}
	return m.Header.MessageID
}

// isPlain reports whether NATS carries a header as it is, and takes it for no other.
func isPlain(f message.Field) bool {
	isOwn := func(name string) bool {
		return strings.HasPrefix(name, "Nats-") || strings.HasPrefix(name, "Forge-") || name == "Status" || name == "Description"
	}
	value := string(f.Value)
	return f.Key != "" && !isOwn(f.Key) && !strings.ContainsFunc(f.Key, func(r rune) bool { return r <= ' ' || r == ':' || r > unicode.MaxASCII || r == 0x7f }) &&
		strings.Trim(value, " \t") == value && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == unicode.ReplacementChar })
}

// fields returns the transport headers, by their names if nothing says their order.
func fields(h nats.Header) (all []message.Field) {
	for name, values := range h {
		if !strings.HasPrefix(name, "Nats-") && !strings.HasPrefix(name, "Forge-") {
			for _, v := range values {
				all = append(all, message.Field{Key: name, Value: []byte(v)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b message.Field) int { return cmp.Compare(a.Key, b.Key) })
	order := h.Get(headerOrder)
	if order == "" {
		return all
	}
	var ordered []message.Field
	for item := range strings.SplitSeq(order, "&") {
		name, value, hasValue := strings.Cut(item, "=")
		f := message.Field{Key: unescape(name), Value: []byte(unescape(value))}
		i := slices.IndexFunc(all, func(of message.Field) bool { return of.Key == f.Key })
		if !hasValue && i >= 0 {
			f = all[i]
			all = slices.Delete(all, i, i+1)
		}
		ordered = append(ordered, f)
	}
	return ordered
}

// unescape returns text without escapes; what was not escaped, as by another program, is
// as it is.
func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// NewMessage returns a message of the layout's topic for the engine.
func NewMessage(l Layout, m jetstream.Msg, meta *jetstream.MsgMetadata) message.Message {
	h := m.Headers()
	got := message.Message{
		Topic: l.topic, Partition: l.partition(m.Subject()), Offset: int64(meta.Sequence.Stream),
		Value: m.Data(), Time: meta.Timestamp, Headers: fields(h),
	}
	if key, ok := h[headerKey]; ok {
		got.Key = []byte(unescape(key[0]))
	}
	switch {
	case h[headerTombstone] != nil:
		got.Value = nil
	case got.Value == nil:
		got.Value = []byte{}
	}
	if text, ok := h[headerTime]; ok {
		if at, err := time.Parse(time.RFC3339Nano, text[0]); err == nil {
			got.Time = at
		}
	}
	return got
}
