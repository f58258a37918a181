// Package envelope reads and writes messages as JSON:
//
//	{"header": {"messageType": "PaymentReceived", …}, "body": {…}}
//
// JSON is the codec, Rules checks bodies by their models, and what is wrong
// with a message is said by the path of its field, without the field's value:
// it goes to logs and dead letters, and a value may be secret.
package envelope

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// JSON is the codec of envelopes in JSON. Names are case-sensitive and given
// once, text is UTF-8, unknown fields of the header and of the envelope are
// refused. Unknown fields of the body are skipped unless the model embeds
// message.ForbidExtra.
type JSON struct {
	// AssumeUTC takes a timestamp of the header that has no time zone as UTC.
	// Otherwise the message is invalid.
	AssumeUTC bool
}

// wire is an envelope on the wire.
type wire struct {
	Header *message.Header `json:"header"`
	Body   jsontext.Value  `json:"body"`
}

var (
	strict    = json.RejectUnknownMembers(true)
	strictUTC = json.JoinOptions(strict, json.WithUnmarshalers(json.UnmarshalFromFunc(readTimeAsUTC)))
)

// Open implements message.Codec. Errors are permanent: of ClassDecode where the
// value is not an envelope, of ClassInvalid where a field of the header is wrong.
func (c JSON) Open(_ context.Context, m *message.Message) (h message.Header, body []byte, err error) {
	options := strict
	if c.AssumeUTC {
		options = strictUTC
	}
	var e wire
	err = json.Unmarshal(m.Value, &e, options)
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
// of ClassDecode when body is not JSON.
func (JSON) Decode(_ context.Context, _ *message.Message, body []byte, out any) error {
	if jsontext.Value(body).Kind() == 'n' {
		return message.InvalidPart("body", message.Invalid("", "must not be null"))
	}
	err := json.Unmarshal(body, out, json.RejectUnknownMembers(message.ForbidsExtra(out)))
	if err != nil {
		return bodyError(err)
	}
	return nil
}

// Encode implements message.Codec. Maps are written in the order of their keys,
// so that equal bodies give equal bytes.
func (JSON) Encode(_ context.Context, m *message.Message, h message.Header, body any) error {
	h.Timestamp = h.Timestamp.UTC()
	header, err := json.Marshal(&h)
	if err != nil {
		return message.Fail(message.ClassInvalid, "header: %w", err)
	}
	text, err := MarshalBody(body)
	if err == nil && string(text) == "null" {
		err = errors.New("must not be null")
	}
	if err != nil {
		return message.Fail(message.ClassInvalid, "body: %w", err)
	}
	m.Value = slices.Concat([]byte(`{"header":`), header, []byte(`,"body":`), text, []byte(`}`))
	return nil
}

// MarshalBody returns a body as it stands in an envelope.
func MarshalBody(body any) ([]byte, error) { return json.Marshal(body, json.Deterministic(true)) }

// Bind implements message.Binder: it tries each struct in the model once, so
// that a wrong json tag ends the start and is not found by the first message.
func (JSON) Bind(_ string, model reflect.Type) error {
	for _, s := range structsOf(model) {
		if readsItself(s) {
			continue
		}
		if err := json.Unmarshal([]byte("{}"), reflect.New(s).Interface()); err != nil {
			return fmt.Errorf("%s cannot be read from JSON: %w", s, err)
		}
	}
	return nil
}
