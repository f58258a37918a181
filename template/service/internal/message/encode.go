package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Encode sets m.Value to the envelope of h and body in JSON, the header's fields
// in the order of their documentation. Maps are written in the order of their
// keys, so that equal values give equal bytes. An incomplete header and a body
// that is null or cannot be written are errors.
func (JSON) Encode(_ context.Context, m *Message, h *Header, body any) error {
	value, err := encodeJSON(h, body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", quote(h.MessageType), err)
	}
	m.Value = value
	return nil
}

func encodeJSON(h *Header, body any) ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	out := buffers.Get().(*bytes.Buffer)
	defer func() {
		if out.Cap() <= maxBuffer {
			buffers.Put(out)
		}
	}()
	out.Reset()
	e := headerWriter{b: append(out.AvailableBuffer(), `{"header":{`...)}
	e.field("messageType", h.MessageType)
	e.field("schemaName", h.SchemaName)
	e.field("schemaVersion", h.SchemaVersion)
	if h.CorrelationID != "" {
		e.field("correlationId", h.CorrelationID)
	}
	e.field("messageId", h.MessageID)
	e.time("timestamp", h.Timestamp)
	e.field("producer", h.Producer)
	if e.err != nil {
		return nil, e.err
	}
	out.Write(append(e.b, `},"body":`...))
	start := out.Len()
	if err := json.MarshalWrite(out, body, json.Deterministic(true)); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if string(out.Bytes()[start:]) == "null" {
		return nil, errors.New("body: must not be null")
	}
	out.WriteByte('}')
	return bytes.Clone(out.Bytes()), nil
}

// buffers are what envelopes are written in. Each is then copied to its size: to
// let a slice grow to it takes more, and leaves more.
var buffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 4096)) }}

// maxBuffer is what a buffer may have grown to, to be kept.
const maxBuffer = 1 << 16

// headerWriter appends the header's fields to b until one of them fails.
type headerWriter struct {
	b     []byte
	count int
	err   error
}

func (w *headerWriter) name(name string) {
	if w.count++; w.count > 1 {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, `":`...)
}

func (w *headerWriter) field(name, value string) {
	if w.err != nil {
		return
	}
	w.name(name)
	if w.b, w.err = jsontext.AppendQuote(w.b, value); w.err != nil {
		w.err = fmt.Errorf("header.%s: %w", name, w.err)
	}
}

func (w *headerWriter) time(name string, t time.Time) {
	text, err := t.UTC().MarshalText()
	if err != nil {
		w.err = fmt.Errorf("header.%s: %w", name, err)
		return
	}
	w.field(name, string(text))
}
