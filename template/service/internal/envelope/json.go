// Package envelope reads and writes messages as JSON:
//
//	{"header": {"messageType": "PaymentReceived", …}, "body": {…}}
//
// JSON is the codec, Rules checks bodies by their models, and what is wrong
// with a message is said by the path of its field, without the field's value:
// it goes to logs and dead letters, and a value may be secret.
package envelope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// JSON is the codec of envelopes in JSON. Names are case-sensitive and given once, text is
// UTF-8, unknown fields are refused; those of a body only if its model embeds
// message.ForbidExtra.
type JSON struct {
	// AssumeUTC takes a timestamp of the header that has no time zone as UTC.
	// Otherwise the message is invalid.
	AssumeUTC bool
}

// headerOptions are how a header is read, by AssumeUTC.
var headerOptions = map[bool]json.Options{
	false: json.RejectUnknownMembers(true),
	true:  json.JoinOptions(json.RejectUnknownMembers(true), json.WithUnmarshalers(json.UnmarshalFromFunc(readTimeAsUTC))),
}

// Open implements message.Codec. Errors are permanent: of ClassDecode where the
// value is not an envelope, of ClassInvalid where a field of the header is wrong.
//
// Of {"header":…,"body": all that follows, but for the closing brace, is taken
// as the body and left to Decode to check, so that no body is read twice.
func (c JSON) Open(_ context.Context, m *message.Message) (h message.Header, body []byte, err error) {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.source, r.header = *bytes.NewBuffer(m.Value), message.Header{}
	r.json.Reset(&r.source, headerOptions[c.AssumeUTC])
	next := func(token string) bool {
		t, err := r.json.ReadToken()
		return err == nil && t.String() == token
	}
	if next("{") && next("header") && r.json.PeekKind() == '{' && json.UnmarshalDecode(&r.json, &r.header) == nil && next("body") {
		text := bytes.Trim(m.Value[r.json.InputOffset():], " \t\r\n")
		text, colon := bytes.CutPrefix(text, []byte(":"))
		text, brace := bytes.CutSuffix(text, []byte("}"))
		if colon && brace {
			r.header.Timestamp = r.header.Timestamp.UTC()
			return r.header, text, nil
		}
	}
	return c.openWhole(m.Value)
}

// reader is reused, because a decoder costs more to make than to use.
type reader struct {
	source bytes.Buffer // lets the decoder read the value without a copy
	json   jsontext.Decoder
	header message.Header
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// openWhole reads an envelope of any order, and says what is wrong with it.
func (c JSON) openWhole(value []byte) (h message.Header, body []byte, err error) {
	var e struct {
		Header *message.Header `json:"header"`
		Body   jsontext.Value  `json:"body"`
	}
	err = json.Unmarshal(value, &e, headerOptions[c.AssumeUTC])
	if e.Header != nil {
		h = *e.Header
		h.Timestamp = h.Timestamp.UTC()
	}
	switch {
	case err != nil:
		return h, nil, openError(err)
	case e.Header == nil:
		return h, nil, message.Fail(message.ClassDecode, "header: is required")
	case e.Body == nil:
		return h, nil, message.Fail(message.ClassDecode, "body: is required")
	}
	return h, e.Body, nil
}

// readTimeAsUTC reads a time that may lack its zone.
func readTimeAsUTC(d *jsontext.Decoder, t *time.Time) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	if err = json.Unmarshal(v, t); err != nil && v.Kind() == '"' {
		withZone := slices.Insert(v.Clone(), len(v)-1, 'Z')
		if json.Unmarshal(withZone, t) == nil {
			return nil
		}
	}
	return err
}

// Decode implements message.Codec. Errors are permanent and of ClassInvalid, or
// of ClassDecode when the body, or the envelope around it, is not JSON.
func (c JSON) Decode(_ context.Context, m *message.Message, body []byte, out any) error {
	_, forbidsExtra := out.(message.ForbidsExtra)
	options := json.RejectUnknownMembers(forbidsExtra)
	if bytes.Contains(body, []byte("null")) {
		options = json.JoinOptions(options, noNulls())
	}
	err := json.Unmarshal(body, out, options)
	switch {
	case err == nil && jsontext.Value(body).Kind() != 'n':
		return nil
	case err == nil:
		return message.InvalidPart("body", message.Invalid("", "must not be null"))
	}
	if err = bodyError(err); message.ClassOf(err) == message.ClassDecode && m.Value != nil {
		if _, _, whole := c.openWhole(m.Value); whole != nil {
			return whole // the same, but with its place in the value
		}
	}
	return err
}

// noNulls refuses null in lists and maps of what has no null in Go, where it would
// become a zero that nobody sent. To a field of a struct it is as if it were absent.
func noNulls() json.Options {
	nullable := []reflect.Kind{reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map}
	var within []reflect.Kind // by depth
	return json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v any) error {
		t, depth := reflect.TypeOf(v).Elem(), min(d.StackDepth(), len(within))
		within = append(within[:depth], t.Kind())
		if depth == 0 || within[depth-1] == reflect.Struct || d.PeekKind() != 'n' || slices.Contains(nullable, t.Kind()) {
			return errors.ErrUnsupported // it is read as any other
		}
		return &json.SemanticError{JSONKind: 'n', GoType: t}
	}))
}

// Encode implements message.Codec. Maps are written in the order of their keys,
// so that equal bodies give equal bytes.
func (JSON) Encode(_ context.Context, m *message.Message, h message.Header, body any) error {
	h.Timestamp = h.Timestamp.UTC()
	header, err := json.Marshal(&h)
	if err != nil {
		return message.Fail(message.ClassInvalid, "header: %w", err)
	}
	text, err := json.Marshal(body, json.Deterministic(true))
	if err == nil && string(text) == "null" {
		err = errors.New("must not be null")
	}
	if err != nil {
		return message.Fail(message.ClassInvalid, "body: %w", err)
	}
	m.Value = slices.Concat([]byte(`{"header":`), header, []byte(`,"body":`), text, []byte(`}`))
	return nil
}

// Bind implements message.Binder: it tries each struct in the model once, so
// that a wrong json tag ends the start and is not found by the first message.
func (JSON) Bind(_ string, model reflect.Type) error {
	for _, s := range samplesOf(model) {
		if t := s.Type(); !readsItself(t) {
			if err := json.Unmarshal([]byte("{}"), reflect.New(t).Interface()); err != nil {
				return fmt.Errorf("%s cannot be read from JSON: %w", t, err)
			}
		}
	}
	return nil
}
