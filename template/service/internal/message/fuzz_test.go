package message_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// plainEnvelope is the envelope as a general decoder reads it. The fuzz test
// holds the decoder that is written out against it.
type plainEnvelope struct {
	Header *plainHeader   `json:"header"`
	Body   jsontext.Value `json:"body"`
}

type plainHeader struct {
	MessageType   string    `json:"messageType"`
	SchemaName    string    `json:"schemaName"`
	SchemaVersion string    `json:"schemaVersion"`
	CorrelationID string    `json:"correlationId"`
	MessageID     string    `json:"messageId"`
	Timestamp     time.Time `json:"timestamp"`
	Producer      string    `json:"producer"`
}

func decodePlain(value []byte) (*message.Header, bool) {
	var e plainEnvelope
	if err := json.Unmarshal(value, &e, json.RejectUnknownMembers(true)); err != nil || e.Header == nil {
		return nil, false
	}
	if e.Body == nil || e.Body.Kind() == 'n' {
		return nil, false
	}
	h := message.Header(*e.Header)
	h.Timestamp = h.Timestamp.UTC()
	return &h, true
}

func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", "[]", "12", `"x"`, "\xff", `{"header":{}}`, `{"body":{}}`, `{"header":{},"body":{}}`,
		envelope("PaymentReceived", validBody), envelope("P", `null`), envelope("P", ` [1, 2 ] `), envelope("P", `"\ud800"`),
		envelope("P", `{"a":1,"a":2}`), envelope("P", validBody) + " \n", envelope("P", validBody) + "x",
		`{"body":` + validBody + `,"header":` + header("P") + `}`,
		`{"body":1,"header":` + header("P") + `}`,
		`{"he\u0061der":` + header(`é`) + `,"body":-0.5e9}`,
		`{"header":{"messageType":null,"timestamp":"2026-01-01T00:00:00+01:00"},"body":true}`,
		`{"header":{"messageId":"a","messageId":"b"},"body":0}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var h message.Header
		var body any
		m := &message.Message{Value: value}
		err := message.JSON{}.Decode(t.Context(), m, &h, func(*message.Header) (any, error) { return &body, nil })
		want, ok := decodePlain(value)
		if (err == nil) != ok {
			t.Fatalf("decoded: %v, but the general decoder says %v", err, ok)
		}
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if h != *want {
			t.Fatalf("header %+v\nwant   %+v", h, *want)
		}
		checkRoundTrip(t, &h, body)
	})
}

func checkRefusal(t *testing.T, err error) {
	e, ok := errors.AsType[*message.Error](err)
	if !ok || !message.IsPermanent(err) || e.Class != message.ClassDecode && e.Class != message.ClassInvalid {
		t.Fatalf("refused with %T %v", err, err)
	}
	if text := err.Error(); text == "" || len(text) > 1024 || !utf8.ValidString(text) || text == "not an envelope" {
		t.Fatalf("refused with the text %q", text)
	}
}

func checkRoundTrip(t *testing.T, h *message.Header, body any) {
	value, err := encode(t.Context(), h, body)
	if err != nil {
		return // an incomplete header, which is for the registry to refuse
	}
	var h2 message.Header
	var body2 any
	m := &message.Message{Value: value}
	if err := (message.JSON{}).Decode(t.Context(), m, &h2, func(*message.Header) (any, error) { return &body2, nil }); err != nil {
		t.Fatalf("encoded to %s, which is refused: %v", value, err)
	}
	again, err := encode(t.Context(), &h2, body2)
	if err != nil || h2 != *h || string(again) != string(value) {
		t.Fatalf("encoded to %s\nand then  %s, %v", value, again, err)
	}
}
