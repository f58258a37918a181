package message

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a JSON envelope. Errors are permanent, of ClassDecode where the
// value is not an envelope and of ClassInvalid where a field of the header or
// the body is at fault, and name the field by its path.
func (JSON) Decode(_ context.Context, m *Message, h *Header, body func(*Header) (any, error)) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.reset(m.Value)
	return d.envelope(h, body)
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder reads one envelope in one pass, in the order in which its fields
// come. It is reused, because most of what it costs is to be made.
type decoder struct {
	jsontext.Decoder
	source  bytes.Buffer // lets the Decoder read m.Value in place
	words   wordCache
	scratch []byte // unescaped strings
	ids     []byte // the ids of the header, which share one allocation
}

func (d *decoder) reset(value []byte) {
	d.source = *bytes.NewBuffer(value)
	d.Decoder.Reset(&d.source)
}

// release gives d back, without the message that it read.
func (d *decoder) release() {
	d.reset(nil)
	decoders.Put(d)
}

func (d *decoder) envelope(h *Header, body func(*Header) (any, error)) error {
	if err := d.open(""); err != nil {
		return err
	}
	var hasHeader, hasBody bool
	var early jsontext.Value // a body that came before its header
	for d.PeekKind() == '"' {
		name, err := d.name()
		if err != nil {
			return err
		}
		switch string(name) {
		case "header":
			err, hasHeader = d.header(h), true
		case "body":
			hasBody = true
			if d.PeekKind() == 'n' {
				return Fail(ClassInvalid, "body: must not be null")
			}
			if hasHeader {
				err = d.body(h, body)
			} else {
				early, err = d.raw()
			}
		default:
			return unknownField("", name)
		}
		if err != nil {
			return err
		}
	}
	if err := d.end(); err != nil {
		return err
	}
	switch {
	case !hasHeader:
		return Fail(ClassDecode, "header: is required")
	case !hasBody:
		return Fail(ClassDecode, "body: is required")
	case early != nil:
		return decodeEarly(early, h, body)
	}
	return nil
}

// end reads the end of the envelope, after which nothing may come.
func (d *decoder) end() error {
	if _, err := d.ReadToken(); err != nil {
		return syntaxError(err, "")
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return Fail(ClassDecode, "not an envelope: something follows it at byte %d", d.InputOffset())
	}
	return nil
}

func (d *decoder) body(h *Header, body func(*Header) (any, error)) error {
	out, err := body(h)
	if err != nil {
		return err
	}
	if err := json.UnmarshalDecode(&d.Decoder, out, options(out)...); err != nil {
		return bodyError(err, "")
	}
	return nil
}

// raw reads a value without decoding it.
func (d *decoder) raw() (jsontext.Value, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, syntaxError(err, "")
	}
	return v.Clone(), nil
}

func decodeEarly(raw jsontext.Value, h *Header, body func(*Header) (any, error)) error {
	out, err := body(h)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, out, options(out)...); err != nil {
		return bodyError(err, "body")
	}
	return nil
}

// strictOptions is shared so that no message allocates it.
var strictOptions = []json.Options{json.RejectUnknownMembers(true)}

func options(out any) []json.Options {
	if _, ok := out.(interface{ forbidsExtra() }); ok {
		return strictOptions
	}
	return nil
}

func (d *decoder) header(h *Header) error {
	if err := d.open("header"); err != nil {
		return err
	}
	*h = Header{}
	var correlation, id span
	d.ids = d.ids[:0]
	for d.PeekKind() == '"' {
		name, err := d.name()
		if err != nil {
			return err
		}
		switch string(name) {
		case "messageType":
			h.MessageType, err = d.word("messageType")
		case "schemaName":
			h.SchemaName, err = d.word("schemaName")
		case "schemaVersion":
			h.SchemaVersion, err = d.word("schemaVersion")
		case "correlationId":
			correlation, err = d.id("correlationId")
		case "messageId":
			id, err = d.id("messageId")
		case "timestamp":
			h.Timestamp, err = d.time("timestamp")
		case "producer":
			h.Producer, err = d.word("producer")
		default:
			return unknownField("header", name)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return syntaxError(err, "")
	}
	ids := string(d.ids)
	h.CorrelationID = ids[correlation.from:correlation.to]
	h.MessageID = ids[id.from:id.to]
	return nil
}

// open reads the start of the object at path.
func (d *decoder) open(path string) error {
	if kind := d.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return notObject(path, kind)
	}
	if _, err := d.ReadToken(); err != nil {
		return syntaxError(err, "")
	}
	return nil
}

// name reads the name of a field. It is valid until the next read.
func (d *decoder) name() ([]byte, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, syntaxError(err, "")
	}
	return d.unquote(v)
}

// text reads a string that is the value of a field of the header; null is an
// empty one. It is valid until the next read.
func (d *decoder) text(field string) ([]byte, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, syntaxError(err, "")
	}
	switch v.Kind() {
	case '"':
		return d.unquote(v)
	case 'n':
		return nil, nil
	}
	return nil, Fail(ClassInvalid, "header.%s: must be a string, got %s", field, kindName(v.Kind()))
}

func (d *decoder) unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	var err error
	d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], v)
	if err != nil {
		return nil, syntaxError(err, "")
	}
	return d.scratch, nil
}

// word reads a text of which the same few values come again and again.
func (d *decoder) word(field string) (string, error) {
	b, err := d.text(field)
	if err != nil {
		return "", err
	}
	return d.words.get(b), nil
}

// span is a part of decoder.ids.
type span struct{ from, to int }

// id reads a text that is different in each message.
func (d *decoder) id(field string) (span, error) {
	b, err := d.text(field)
	from := len(d.ids)
	d.ids = append(d.ids, b...)
	return span{from, len(d.ids)}, err
}

func (d *decoder) time(field string) (t time.Time, err error) {
	b, err := d.text(field)
	if err != nil || len(b) == 0 {
		return t, err
	}
	if err := t.UnmarshalText(b); err != nil {
		return t, Fail(ClassInvalid, "header.%s: must be RFC 3339, got %s", field, quote(string(b)))
	}
	return t.UTC(), nil
}
