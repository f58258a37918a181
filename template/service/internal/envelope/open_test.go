package envelope_test

import (
	"errors"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestDecodeReadsHeaderAndBody(t *testing.T) {
	body := `"body":` + validBody
	head := `"header":` + header("PaymentReceived")
	for name, value := range map[string]string{
		"header first": `{` + head + `,` + body + `}`,
		"body first":   `{` + body + `,` + head + `}`,
		"space":        " {\n\t" + head + " ,\r\n" + body + " }\n",
		"escapes":      strings.ReplaceAll(`{`+head+`,`+body+`}`, "messageType", `message\u0054ype`),
		"extra field":  `{` + head + `,"body":{"id":"p-1","colour":{"of":["money"]},"amount":9.5}}`,
	} {
		t.Run(name, func(t *testing.T) {
			h, m, err := handle[payment](t, value)
			if err != nil {
				t.Fatal(err)
			}
			want := message.Header{
				MessageType: "PaymentReceived", SchemaName: "payment", SchemaVersion: "1", CorrelationID: "c-1",
				MessageID: "m-1", Timestamp: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Producer: "billing",
			}
			got := h.got[0]
			if got.Header != want {
				t.Errorf("header %+v\nwant   %+v", got.Header, want)
			}
			if (got.Body != payment{ID: "p-1", Amount: 9.5}) {
				t.Errorf("body %+v", got.Body)
			}
			if m.Header != want || *m.Decoded.(*payment) != got.Body || got.Decoded != m.Decoded {
				t.Errorf("the message has %+v and %+v", m.Header, m.Decoded)
			}
		})
	}
}

func TestDecodeTimestampIsUTC(t *testing.T) {
	value := strings.Replace(inEnvelope("PaymentReceived", validBody), "12:00:00Z", "14:00:00.25+02:00", 1)
	h, _, err := handle[payment](t, value)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.got[0].Header.Timestamp, time.Date(2026, 3, 1, 12, 0, 0, 25e7, time.UTC); got != want {
		t.Errorf("timestamp %v, want %v", got, want)
	}
}

func TestATimestampWithoutZoneIsTakenAsUTCWhenToldSo(t *testing.T) {
	utc := newCodec(true)
	valid := inEnvelope("PaymentReceived", validBody)
	for text, want := range map[string]string{
		"2026-03-01T12:00:00":       "2026-03-01T12:00:00Z",
		"2026-03-01T12:00:00.5":     "2026-03-01T12:00:00.5Z",
		"2026-03-01T14:00:00+02:00": "2026-03-01T12:00:00Z",
		"2026-03-01T12:00:00Z":      "2026-03-01T12:00:00Z",
	} {
		h, _, err := utc.Open(t.Context(), newMessage(strings.Replace(valid, "2026-03-01T12:00:00Z", text, 1)))
		if got := h.Timestamp.Format(time.RFC3339Nano); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for bad, want := range map[string]string{
		`"yesterday"`: `header.timestamp: must be an RFC 3339 time, got "yesterday"`,
		`17`:          `header.timestamp: must be an RFC 3339 time, got number`,
		`""`:          `header.timestamp: must be an RFC 3339 time, got ""`,
	} {
		_, _, err := utc.Open(t.Context(), newMessage(strings.Replace(valid, `"2026-03-01T12:00:00Z"`, bad, 1)))
		wantError(t, err, message.ClassInvalid, want)
	}
}

func TestDecodeCorrelationIDIsOptional(t *testing.T) {
	for name, with := range map[string]string{"absent": ``, "null": `"correlationId":null,`, "empty": `"correlationId":"",`} {
		t.Run(name, func(t *testing.T) {
			value := strings.Replace(inEnvelope("PaymentReceived", validBody), `"correlationId":"c-1",`, with, 1)
			h, _, err := handle[payment](t, value)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.got[0].Header; got.CorrelationID != "" || got.MessageID != "m-1" {
				t.Errorf("header %+v", got)
			}
		})
	}
}

// Bodies of models like these are read too.
func TestDecodeBodyNeedNotBeAStruct(t *testing.T) {
	if h, _, err := handle[[]int](t, inEnvelope("Numbers", `[1,2]`)); err != nil || len(h.got[0].Body) != 2 {
		t.Errorf("slice: %v", err)
	}
	if h, _, err := handle[float64](t, inEnvelope("Number", `12`)); err != nil || h.got[0].Body != 12 {
		t.Errorf("number: %v", err)
	}
	if h, _, err := handle[any](t, inEnvelope("Any", `{"a":null}`)); err != nil || h.got[0].Body.(map[string]any)["a"] != nil {
		t.Errorf("any: %v", err)
	}
}

// deepModel has fields of each kind that a body can get wrong.
type deepModel struct {
	Count  int8              `json:"count"`
	Size   uint              `json:"size"`
	Paid   bool              `json:"paid"`
	Due    time.Time         `json:"due"`
	Wait   []byte            `json:"wait"`
	Items  []deepItem        `json:"items"`
	Labels map[string]string `json:"labels"`
	Next   *deepModel        `json:"next"`
	Ref    uuid.UUID         `json:"ref"`
	Price  price             `json:"price"`
	Pair   [2]int            `json:"pair"`
	Wild   map[price]int     `json:"wild"`
}

type deepItem struct {
	Amount float64 `json:"amount"`
}

// price reads itself: "9.50 EUR".
type price struct{ amount, currency string }

func (p *price) UnmarshalJSON(b []byte) (err error) {
	var ok bool
	if p.amount, p.currency, ok = strings.Cut(strings.Trim(string(b), `"`), " "); !ok {
		return errors.New("no currency in " + string(b))
	}
	return nil
}

func (p *price) UnmarshalText(b []byte) error { return p.UnmarshalJSON(b) }

func TestDecodeRefuses(t *testing.T) {
	valid := inEnvelope("PaymentReceived", validBody)
	withHeader := func(old, replacement string) string { return strings.Replace(valid, old, replacement, 1) }
	body := func(b string) string { return inEnvelope("PaymentReceived", b) }
	long := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		name, value string
		class       message.Class
		text        string
	}{
		{"empty", "", message.ClassDecode, `not JSON: it ends too early at byte 0`},
		{"space", " ", message.ClassDecode, `not JSON: it ends too early at byte 1`},
		{"text", "hello", message.ClassDecode, `not JSON: invalid character 'h' at start of value at byte 0`},
		{"byte order mark", "\ufeff" + valid, message.ClassDecode, `not JSON: it starts with a byte order mark (leave it out) at byte 0`},
		{"byte order mark of a body", body("\ufeff{}"), message.ClassDecode, `body: not JSON: it starts with a byte order mark (leave it out) at byte 190`},
		{"null", "null", message.ClassDecode, `header: is required`},
		{"array", "[]", message.ClassDecode, `not an envelope: must be an object, got array`},
		{"cut off", valid[:30], message.ClassDecode, `header.messageType: not JSON: it ends too early at byte 30`},
		{"cut off in body", valid[:len(valid)-2], message.ClassDecode, `body: not JSON: it ends too early at byte 214`},
		{"cut off at the end", valid[:len(valid)-1], message.ClassDecode, `not JSON: it ends too early at byte 215`},
		{"cut off after a number", `{"header":` + header("P") + `,"body":1`, message.ClassDecode, `not JSON: it ends too early at byte 177`},
		{"trailing data", valid + "{}", message.ClassDecode, `not JSON: invalid character '{' after top-level value at byte 216`},
		{"trailing brace", valid + "}", message.ClassDecode, `not JSON: invalid character '}' after top-level value at byte 216`},
		{"trailing NUL", valid + "\x00", message.ClassDecode, `not JSON: invalid character '\x00' after top-level value at byte 216`},
		{"trailing comma", `{"header":` + header("P") + `,}`, message.ClassDecode, `not JSON: invalid character ',' at start of value at byte 168`},
		{"no comma", `{"body":1 "header":2}`, message.ClassDecode, `not JSON: invalid character '"' after object value (expecting ',' or '}') at byte 10`},
		{"no header", `{"body":{}}`, message.ClassDecode, `header: is required`},
		{"no body", `{"header":` + header("P") + `}`, message.ClassDecode, `body: is required`},
		{"nothing", `{}`, message.ClassDecode, `header: is required`},
		{"unknown envelope field", `{"headers":{}}`, message.ClassDecode, `headers: unknown field`},
		{"long envelope field", `{"` + long + `":1}`, message.ClassDecode, `["` + long[:40] + `"]: unknown field`},
		{"header twice", `{"header":` + header("P") + `,"header":{}}`, message.ClassDecode, `header: is given twice`},
		{"body twice", `{"header":` + header("P") + `,"body":` + validBody + `,"body":{}}`, message.ClassDecode, `body: is given twice`},
		{"early body twice", `{"body":{},"body":{}}`, message.ClassDecode, `body: is given twice`},
		{"header is text", `{"header":"x","body":{}}`, message.ClassDecode, `header: must be an object, got string`},
		{"header is null", `{"header":null,"body":{}}`, message.ClassDecode, `header: is required`},
		{"body is null", body(`null`), message.ClassInvalid, `body: must not be null`},
		{"body is null first", `{"body":null,"header":` + header("P") + `}`, message.ClassInvalid, `body: must not be null`},
		{"body is not a null", body(`nil`), message.ClassDecode, `body: not JSON: invalid character 'i' in literal null (expecting 'u') at byte 191`},

		{"unknown header field", withHeader(`"producer"`, `"sender":"x","producer"`), message.ClassInvalid, `header.sender: unknown field`},
		{"case of header field", withHeader(`"messageId"`, `"messageID"`), message.ClassInvalid, `header.messageID: unknown field`},
		{"control character in a name", withHeader(`"messageId"`, `"a\nb"`), message.ClassInvalid, `header["a\nb"]: unknown field`},
		{"header field twice", withHeader(`"producer"`, `"messageId":"m-2","producer"`), message.ClassDecode, `header.messageId: is given twice`},
		{"header field twice, out of order", `{"header":{"schemaName":"s","messageType":"P","schemaName":"s"},"body":{}}`, message.ClassDecode, `header.schemaName: is given twice`},
		{"header field twice, escaped", withHeader(`"producer"`, `"message\u0049d":"m-2","producer"`), message.ClassDecode, `header.messageId: is given twice`},
		{"header field of another kind", withHeader(`"m-1"`, `17`), message.ClassInvalid, `header.messageId: must be a string, got number`},
		{"header field is object", withHeader(`"m-1"`, `{"a":1}`), message.ClassInvalid, `header.messageId: must be a string, got object`},
		{"header field is null", withHeader(`"m-1"`, `null`), message.ClassInvalid, `header.messageId: is required`},
		{"header fields empty", withHeader(header("PaymentReceived"), `{}`), message.ClassInvalid,
			`header.messageType: is required; header.schemaName: is required; header.schemaVersion: is required; ` +
				`header.messageId: is required; header.producer: is required; header.timestamp: is required`},
		{"timestamp", withHeader(`2026-03-01T12:00:00Z`, `yesterday`), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "yesterday"`},
		{"timestamp without zone", withHeader(`00Z`, `00`), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "2026-03-01T12:00:00", which has no time zone (TIMESTAMP_WITHOUT_ZONE=utc takes it as UTC)`},
		{"timestamp with a short hour", withHeader(`T12:`, `T1:`), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "2026-03-01T1:00:00Z"`},
		{"timestamp with a comma", withHeader(`00Z`, `00,5Z`), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "2026-03-01T12:00:00,5Z"`},
		{"timestamp with a wild offset", withHeader(`00Z`, `00+25:00`), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "2026-03-01T12:00:00+25:00"`},
		{"long timestamp", withHeader(`2026-03-01T12:00:00Z`, long), message.ClassInvalid, `header.timestamp: must be an RFC 3339 time, got "` + long[:40] + `"`},
		{"invalid UTF-8 in header", withHeader(`m-1`, "m\xff"), message.ClassDecode, `header.messageId: not JSON: invalid UTF-8 at byte 122`},
		{"bad escape in header", withHeader(`m-1`, `m\x`), message.ClassDecode, "header.messageId: not JSON: invalid escape sequence `\\x` in string at byte 122"},
		{"raw line break in header", withHeader(`m-1`, "m\n"), message.ClassDecode, `header.messageId: not JSON: invalid character '\n' in string (expecting non-control character) at byte 122`},

		{"body of another kind", body(`"x"`), message.ClassInvalid, `body: must be an object, got string`},
		{"body field twice", body(`{"items":[{"amount":1,"amount":2}]}`), message.ClassDecode, `body.items[0].amount: is given twice`},
		{"invalid UTF-8 in body", body("{\"labels\":{\"a\":\"\xff\"}}"), message.ClassDecode, `body.labels.a: not JSON: invalid UTF-8 at byte 206`},
		{"body is not JSON", body(`{"count":}`), message.ClassDecode, `body.count: not JSON: invalid character '}' at start of value at byte 199`},
		{"text for a number", body(`{"items":[{},{"amount":"secret"}]}`), message.ClassInvalid, `body.items[1].amount: must be a number, got string`},
		{"object for a number", body(`{"count":{}}`), message.ClassInvalid, `body.count: must be a whole number, got object`},
		{"fraction for a whole number", body(`{"count":1.5}`), message.ClassInvalid, `body.count: must be a whole number`},
		{"negative size", body(`{"size":-1}`), message.ClassInvalid, `body.size: must be a whole number, 0 or more`},
		{"out of range", body(`{"count":1000}`), message.ClassInvalid, `body.count: is out of range`},
		{"number for a boolean", body(`{"paid":1}`), message.ClassInvalid, `body.paid: must be a boolean, got number`},
		{"text for a time", body(`{"due":"secret"}`), message.ClassInvalid, `body.due: must be an RFC 3339 time`},
		{"text for bytes", body(`{"wait":"s!"}`), message.ClassInvalid, `body.wait: must be a base64 string`},
		{"number for text", body(`{"labels":{"a b":1}}`), message.ClassInvalid, `body.labels["a b"]: must be a string, got number`},
		{"text for a UUID", body(`{"ref":"secret"}`), message.ClassInvalid, `body.ref: must be a valid UUID`},
		{"text for what reads itself", body(`{"price":"secret"}`), message.ClassInvalid, `body.price: must be a valid price`},
		{"key that reads itself", body(`{"wild":{"9":1}}`), message.ClassInvalid, `body.wild[9]: must be a valid price`},
		{"object for an array", body(`{"items":{}}`), message.ClassInvalid, `body.items: must be an array, got object`},
		{"too short an array", body(`{"pair":[1]}`), message.ClassInvalid, `body.pair: must be an array`},
		{"header field with a wrong literal", withHeader(`"c-1"`, `nul`), message.ClassDecode, `header.correlationId: not JSON: invalid character ',' in literal null (expecting 'l') at byte 105`},
		{"header field without end", `{"header":{"messageType":"\`, message.ClassDecode, `header.messageType: not JSON: it ends too early at byte 26`},
		{"deep", body(strings.Repeat(`{"next":`, 60) + `1` + strings.Repeat(`}`, 60)), message.ClassInvalid,
			`body.` + strings.Repeat(`next.`, 40) + `: must be an object, got number`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, _, err := handle[deepModel](t, tt.value)
			wantError(t, err, tt.class, tt.text)
			if len(h.got) != 0 {
				t.Error("the handler was called")
			}
		})
	}
}

func TestDecodeLimitsDepth(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, value := range map[string]string{
		"last":  inEnvelope("Deep", deep),
		"first": `{"body":` + deep + `,"header":` + header("Deep") + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := handle[any](t, value)
			if message.ClassOf(err) != message.ClassDecode || len(err.Error()) > 300 {
				t.Errorf("%v", err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _ = handle[any](t, value)
			runtime.ReadMemStats(&after)
			if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 20 {
				t.Errorf("it takes %d MiB, as if each level had its path written", n)
			}
		})
	}
}

// A reason names fields. Of the header it quotes a refused timestamp and message
// type, cut and escaped; of the body nothing.
func TestReasonsQuoteNoValues(t *testing.T) {
	const canary = `canary-\u001b`
	long := canary + strings.Repeat("x", 1000)
	valid := inEnvelope("PaymentReceived", `{"id":"p-1","amount":9.5,"note":"`+canary+`"}`)
	values := regexp.MustCompile(`:("[^"]*"|[0-9.]+)`).FindAllStringIndex(valid, -1)
	if len(values) != 10 {
		t.Fatalf("%d values", len(values))
	}
	for _, at := range values {
		for _, wrong := range []string{`"` + long + `"`, `{"x":"` + canary + `"}`, `["` + canary + `"]`, `"` + canary + "\xff" + `"`, `"` + canary, canary} {
			value := valid[:at[0]+1] + wrong + valid[at[1]:]
			h, _, err := handle[payment](t, value)
			if err == nil || len(h.got) > 0 {
				continue // any text is right there
			}
			quotes := strings.HasPrefix(err.Error(), "header.timestamp: must be an RFC 3339 time, got ")
			if text := err.Error(); len(text) > 300 || strings.Contains(text, "\x1b") || strings.Contains(text, "canary") && !quotes {
				t.Errorf("%s\n%.200s", text, value)
			}
		}
	}
}

// strictPayment refuses fields that it does not have.
type strictPayment struct {
	message.ForbidExtra
	ID   string      `json:"id"`
	Item *strictItem `json:"item,omitempty"`
}

type strictItem struct {
	SKU string `json:"sku"`
}

func TestForbidExtraRefusesUnknownFields(t *testing.T) {
	for body, text := range map[string]string{
		`{"id":"1","colour":"red"}`:       `body.colour: unknown field`,
		`{"id":"1","item":{"size":1}}`:    `body.item.size: unknown field`,
		`{"id":"1","ForbidExtra":{}}`:     `body.ForbidExtra: unknown field`,
		`{"id":"1","ID":"2"}`:             `body.ID: unknown field`,
		`{"id":"1","item":{"sku":"a"}}`:   ``,
		`{"item":{"sku":"a"},"id":"1"}`:   ``,
		`{"id":"1","i\u0074em":{"x":"a"}`: `body.item.x: unknown field`,
	} {
		_, _, err := handle[strictPayment](t, inEnvelope("P", body))
		switch {
		case text == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case text != "":
			wantError(t, err, message.ClassInvalid, text)
		}
	}
}

func TestForbidExtraIsNotInTheJSON(t *testing.T) {
	h := message.NewHeader("P", "test")
	b, err := encode(t.Context(), h, strictPayment{ID: "1"})
	if err != nil || !strings.HasSuffix(string(b), `"body":{"id":"1"}}`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestHeaderIsKnownWhenTheBodyIsRefused(t *testing.T) {
	for name, value := range map[string]string{
		"mismatch": inEnvelope("P", `{"id":1}`),
		"invalid":  inEnvelope("P", `{"id":"1","amount":-1}`),
		"null":     inEnvelope("P", `null`),
		"header":   strings.Replace(inEnvelope("P", validBody), `"billing"`, `""`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, m, err := handle[payment](t, value)
			if err == nil || m.Header.MessageID != "m-1" {
				t.Errorf("header %+v, error %v", m.Header, err)
			}
		})
	}
}

func TestTheSameMessageTriedAgainStartsAnew(t *testing.T) {
	h := new(recorder[payment])
	r := newRegistry()
	message.Register(r, "payments", h)
	m := newMessage(inEnvelope("P", validBody))
	for range 2 {
		if err := r.Handle(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		m.Decoded.(*payment).Amount = -1
	}
	if h.got[1].Body.Amount != 9.5 {
		t.Errorf("second time %+v", h.got[1].Body)
	}
	m.Value = []byte("x")
	if err := r.Handle(t.Context(), m); err == nil || m.Header != (message.Header{}) || m.Decoded != nil {
		t.Errorf("what was decoded before is still there: %+v %+v, %v", m.Header, m.Decoded, err)
	}
}

func TestDecodeKeepsNothingOfTheValue(t *testing.T) {
	value := []byte(inEnvelope("PaymentReceived", validBody))
	r, h := newRegistry(), new(recorder[payment])
	message.Register(r, "payments", h)
	m := &message.Message{Topic: "payments", Value: value}
	if err := r.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	clear(value)
	got := h.got[0]
	if got.Header.MessageType != "PaymentReceived" || got.Header.MessageID != "m-1" || got.Body.ID != "p-1" {
		t.Errorf("%+v %+v", got.Header, got.Body)
	}
}
