package message

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Encode returns the envelope of h and body in JSON, the header's fields in
// the order of their documentation. Maps are written in the order of their
// keys, so that equal values give equal bytes. An incomplete header and a body
// that is null or cannot be written are errors.
func (JSON) Encode(h *Header, body any) ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("encode %s: %w", quote(h.MessageType), err)
	}
	out := bytes.NewBuffer(make([]byte, 0, 512))
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
		return nil, fmt.Errorf("encode %s: %w", quote(h.MessageType), e.err)
	}
	out.Write(append(e.b, `},"body":`...))
	start := out.Len()
	if err := json.MarshalWrite(out, body, json.Deterministic(true)); err != nil {
		return nil, fmt.Errorf("encode %s: body: %w", quote(h.MessageType), err)
	}
	if string(out.Bytes()[start:]) == "null" {
		return nil, fmt.Errorf("encode %s: body: must not be null", quote(h.MessageType))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

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
