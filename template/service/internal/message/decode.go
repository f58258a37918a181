package message

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a JSON envelope. Errors are permanent, of ClassDecode where the
// value is not an envelope and of ClassInvalid where a field of the header or
// the body is at fault, and name the field by its path.
func (JSON) Decode(_ context.Context, m *Message, h *Header, body func(*Header) (any, error)) error {
	d := decoders.Get().(*decoder)
	defer d.release()
	d.data, d.pos = m.Value, 0
	return d.envelope(h, body)
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder reads one envelope in one pass, in the order in which its fields
// come. It is reused, because most of what it costs is to be made.
type decoder struct {
	scanner
	words           wordCache
	recent          [len(headerNames)]knownWord // those that came last
	minute          minute                      // the one that came last
	ids             []byte                      // the ids of the header, which share one allocation
	correlation, id span
	json            jsontext.Decoder // reads the body
	source          bytes.Buffer     // lets json read from data without a copy

	// For plain bodies.
	readType reflect.Type
	reads    reader
	texts    string // what comes from textsAt on, for texts to be parts of
	textsAt  int
	shared   bool // whether they are
}

// release gives d back. Its source still holds the value, until the next one
// or until the pool drops d: to clear it would cost as much as to set it.
func (d *decoder) release() {
	d.data = nil
	decoders.Put(d)
}

// from lets json read what comes at pos.
func (d *decoder) from(pos int) {
	d.source = *bytes.NewBuffer(d.data[pos:])
	d.json.Reset(&d.source)
}

// envelopeMembers are the fields of an envelope, in the order in which they mostly come.
var envelopeMembers = [...]member{newMember("header"), newMember("body")}

func (d *decoder) envelope(h *Header, body func(*Header) (any, error)) error {
	if !d.take('{') {
		return d.unexpected("", "an object")
	}
	var hasHeader, hasBody bool
	early := -1 // where a body is that came before its header
	for i := 0; ; i++ {
		first := !hasHeader && !hasBody
		var err error
		if i == len(envelopeMembers) || !d.takeLead(&envelopeMembers[i], first) {
			if i, err = d.field("", envelopeMembers[:], first); i < 0 && err == nil {
				break
			}
		}
		switch {
		case err != nil:
		case i == 0:
			err = d.header(h, hasHeader)
			hasHeader = true
		default:
			early, err = d.bodyOrSkip(h, body, hasHeader, hasBody)
			hasBody = true
		}
		if err != nil {
			return err
		}
	}
	switch {
	case d.peek() != 0 || d.pos < len(d.data):
		return d.notJSON()
	case !hasHeader:
		return Fail(ClassDecode, "header: is required")
	case !hasBody:
		return Fail(ClassDecode, "body: is required")
	case early >= 0:
		d.pos = early
		return d.body(h, body)
	}
	return nil
}

// field reads the name of an object's next field, up to its value. It returns which
// of the members it is, or -1 at the object's end or with an error.
func (d *decoder) field(path string, members []member, first bool) (i int, err error) {
	i, name, ok := d.member(members, first)
	switch {
	case !ok:
		err = d.notJSON()
	case i < 0 && name != nil:
		err = unknownField(path, name)
	}
	return i, err
}

// bodyOrSkip reads the body. Before the header was read it cannot, and returns
// where the body starts; otherwise that is -1.
func (d *decoder) bodyOrSkip(h *Header, body func(*Header) (any, error), hasHeader, hasBody bool) (early int, err error) {
	switch {
	case hasBody:
		return -1, twice("body")
	case hasHeader:
		return -1, d.body(h, body)
	default:
		return d.skip()
	}
}

// strict is shared so that no message allocates it.
var strict = []json.Options{json.RejectUnknownMembers(true)}

func (d *decoder) body(h *Header, body func(*Header) (any, error)) error {
	out, err := body(h)
	if err != nil {
		return err
	}
	if d.peek() == 'n' {
		if err := d.syntax(); err != nil {
			return err
		}
		return invalid("body", Invalid("", "must not be null"))
	}
	if d.readBody(out) {
		return nil
	}
	var options []json.Options
	if _, ok := out.(interface{ forbidsExtra() }); ok {
		options = strict
	}
	d.from(d.pos)
	if err := json.UnmarshalDecode(&d.json, out, options...); err != nil {
		return bodyError(err, d.pos)
	}
	d.pos += int(d.json.InputOffset())
	return nil
}

// skip reads a value without decoding it and returns where it starts.
func (d *decoder) skip() (start int, err error) {
	d.peek()
	start = d.pos
	d.from(start)
	if err := d.json.SkipValue(); err != nil {
		return start, d.notJSON()
	}
	d.pos += int(d.json.InputOffset())
	return start, nil
}

// headerNames are the fields of a header in the order in which they mostly come,
// which is that of JSON.Encode.
var headerNames = [...]string{"messageType", "schemaName", "schemaVersion", "correlationId", "messageId", "timestamp", "producer"}

var headerMembers = func() (members [len(headerNames)]member) {
	for i, name := range headerNames {
		members[i] = newMember(name)
	}
	return members
}()

func (d *decoder) header(h *Header, again bool) error {
	if again {
		return twice("header")
	}
	if !d.take('{') {
		return d.unexpected("header", "an object")
	}
	*h, d.ids, d.correlation, d.id = Header{}, d.ids[:0], span{}, span{}
	seen := 0
	for i := 0; ; i++ {
		if first := seen == 0; i == len(headerMembers) || !d.takeLead(&headerMembers[i], first) {
			var err error
			if i, err = d.field("header", headerMembers[:], first); err != nil {
				return err
			}
			if i < 0 {
				break
			}
		}
		if seen&(1<<i) != 0 {
			return twice("header." + headerNames[i])
		}
		seen |= 1 << i
		if err := d.headerField(h, i); err != nil {
			return err
		}
	}
	ids := string(d.ids)
	h.CorrelationID = ids[d.correlation.from:d.correlation.to]
	h.MessageID = ids[d.id.from:d.id.to]
	return nil
}

// headerField reads the value of a field of headerNames.
func (d *decoder) headerField(h *Header, field int) (err error) {
	switch field {
	case 0:
		h.MessageType, err = d.word(field, "header.messageType")
	case 1:
		h.SchemaName, err = d.word(field, "header.schemaName")
	case 2:
		h.SchemaVersion, err = d.word(field, "header.schemaVersion")
	case 3:
		d.correlation, err = d.unique("header.correlationId")
	case 4:
		d.id, err = d.unique("header.messageId")
	case 5:
		h.Timestamp, err = d.time("header.timestamp")
	case 6:
		h.Producer, err = d.word(field, "header.producer")
	}
	return err
}

// string reads the text of a header field, or nil for null. It is valid until
// the next read.
func (d *decoder) string(path string) ([]byte, error) {
	if b, ok := d.text(); ok {
		return b, nil
	}
	if d.takeNull() {
		return nil, nil
	}
	return nil, d.unexpected(path, "a string")
}

// knownWord is a text that comes again and again, and how it is written.
type knownWord struct{ text, written string }

// word reads a field of the header of which the same few values come again and
// again, mostly the one that came before: to compare is less work than to read.
func (d *decoder) word(field int, path string) (string, error) {
	recent := &d.recent[field]
	if recent.written != "" && d.takeWord(recent.written) {
		return recent.text, nil
	}
	d.peek()
	start := d.pos
	b, err := d.string(path)
	if b == nil || d.pos-start > longestWord {
		return string(b), err
	}
	*recent = knownWord{d.words.get(b), d.words.get(d.data[start:d.pos])}
	return recent.text, nil
}

// span is a part of decoder.ids.
type span struct{ from, to int }

// unique reads a text that is different in each message.
func (d *decoder) unique(path string) (span, error) {
	b, err := d.string(path)
	from := len(d.ids)
	d.ids = append(d.ids, b...)
	return span{from, len(d.ids)}, err
}

// unexpected is the error for a value that is not what it should be, unless
// the whole is not JSON anyway.
func (d *decoder) unexpected(path, want string) error {
	if err := d.syntax(); err != nil {
		return err
	}
	return wrongKind(path, want, jsontext.Value(d.data[d.pos:]).Kind())
}

// notJSON is the error for what the scanner could not read.
func (d *decoder) notJSON() error {
	if err := d.syntax(); err != nil {
		return err
	}
	return Fail(ClassDecode, "not an envelope") // the scanner's mistake: jsontext can read it
}

// syntax says why data is not JSON, or returns nil when it is.
func (d *decoder) syntax() error {
	d.from(0)
	if err := d.json.SkipValue(); err != nil {
		return syntaxError(err, "", 0)
	}
	end := d.json.InputOffset()
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return Fail(ClassDecode, "not an envelope: something follows it at byte %d", end)
	}
	return nil
}
