package envelope_test

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// envelopes are those that fuzzing starts with, of the usual and of most mistakes.
func envelopes() []string {
	return []string{
		"", "null", "{}", "[]", "12", `"x"`, "\xff", `{"header":{}}`, `{"body":{}}`, `{"header":{},"body":{}}`,
		inEnvelope("PaymentReceived", validBody), inEnvelope("P", `null`), inEnvelope("P", ` [1, 2 ] `), inEnvelope("P", `"\ud800"`),
		inEnvelope("P", `{"a":1,"a":2}`), inEnvelope("P", validBody) + " \n", inEnvelope("P", validBody) + "x",
		`{"body":` + validBody + `,"header":` + header("P") + `}`,
		`{"body":1,"header":` + header("P") + `}`,
		`{"he\u0061der":` + header(`é`) + `,"body":-0.5e9}`,
		`{"header":{"messageType":null,"timestamp":"2026-01-01T00:00:00+01:00"},"body":true}`,
		`{"header":{"messageId":"a","messageId":"b"},"body":0}`,
		`{"header":{},"body":1}}`, `{"header":{},"body":1,"x":2}`, `{"header":{},"body":1,"body":2}`, `{"header":{},"body":}`, `{"header":{},"body":1`, `{"header":{},"body" 1}`,
	}
}

// FuzzEnvelope holds Open, which leaves most bodies unread, and Decode against
// a reading of the whole value, and against Encode.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range envelopes() {
		f.Add([]byte(seed))
		f.Add([]byte(strings.ReplaceAll(seed, ":", " :\n")))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var body any
		h, err := open(t.Context(), value, &body)
		var whole struct {
			Header *message.Header `json:"header"`
			Body   jsontext.Value  `json:"body"`
		}
		wholeErr := json.Unmarshal(value, &whole, json.RejectUnknownMembers(true))
		isEnvelope := wholeErr == nil && whole.Header != nil && whole.Body != nil && whole.Body.Kind() != 'n'
		if (err == nil) != isEnvelope {
			t.Fatalf("opened: %v, but a reading of the whole says %v of %+v", err, wholeErr, whole)
		}
		if err != nil {
			checkRefusal(t, err)
			return
		}
		whole.Header.Timestamp = whole.Header.Timestamp.UTC()
		if h != *whole.Header {
			t.Fatalf("header %+v\nwant   %+v", h, *whole.Header)
		}
		if h.Timestamp.Location() != time.UTC {
			t.Fatalf("timestamp %v", h.Timestamp)
		}
		checkRoundTrip(t, h, body)
	})
}

func checkRefusal(t *testing.T, err error) {
	e, ok := errors.AsType[*message.Error](err)
	if !ok || !isPermanent(err) || e.Class != message.ClassDecode && e.Class != message.ClassInvalid {
		t.Fatalf("refused with %T %v", err, err)
	}
	if text := err.Error(); text == "" || len(text) > 1024 || !utf8.ValidString(text) {
		t.Fatalf("refused with the text %q", text)
	}
}

func checkRoundTrip(t *testing.T, h message.Header, body any) {
	value, err := encode(t.Context(), h, body)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	var body2 any
	h2, err := open(t.Context(), value, &body2)
	if err != nil {
		t.Fatalf("encoded to %s, which is refused: %v", value, err)
	}
	again, err := encode(t.Context(), h2, body2)
	if err != nil || h2 != h || string(again) != string(value) {
		t.Fatalf("encoded to %s\nand then  %s, %v", value, again, err)
	}
}
