package envelope_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

func TestEncodeWritesTheWireFormat(t *testing.T) {
	h := message.Header{
		MessageType: "PaymentReceived", SchemaName: "payment", SchemaVersion: "1", CorrelationID: "c-1", MessageID: "m-1",
		Timestamp: time.Date(2026, 3, 1, 14, 0, 0, 0, time.FixedZone("", 7200)), Producer: "billing",
	}
	got, err := encode(t.Context(), h, payment{ID: "p-1", Amount: 9.5})
	if err != nil {
		t.Fatal(err)
	}
	if want := inEnvelope("PaymentReceived", validBody); string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	h.CorrelationID = ""
	got, err = encode(t.Context(), h, payment{ID: "p-1", Amount: 9.5})
	if want := strings.Replace(inEnvelope("PaymentReceived", validBody), `"correlationId":"c-1",`, "", 1); err != nil || string(got) != want {
		t.Errorf("without correlation id %s, %v", got, err)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	h := message.NewHeader("Counts", "test")
	body := map[string]int{"c": 3, "a": 1, "b": 2}
	for range 20 {
		b, err := encode(t.Context(), h, body)
		if err != nil || !strings.HasSuffix(string(b), `"body":{"a":1,"b":2,"c":3}}`) {
			t.Fatalf("%s %v", b, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	header := func(change func(*message.Header)) message.Header {
		h := message.NewHeader("P", "test")
		change(&h)
		return h
	}
	none := func(*message.Header) {}
	for name, tt := range map[string]struct {
		h    message.Header
		body any
		text string
	}{
		"invalid UTF-8": {header(func(h *message.Header) { h.Producer = "\xff" }), 1, `header: `},
		"year":          {header(func(h *message.Header) { h.Timestamp = h.Timestamp.AddDate(10_000, 0, 0) }), 1, `header: `},
		"nil body":      {header(none), nil, `body: must not be null`},
		"nil pointer":   {header(none), (*payment)(nil), `body: must not be null`},
		"channel":       {header(none), make(chan int), `body: `},
		"not a number":  {header(none), math.NaN(), `body: `},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := encode(t.Context(), tt.h, tt.body)
			if err == nil || !strings.HasPrefix(err.Error(), tt.text) || b != nil {
				t.Errorf("%s, %v", b, err)
			}
			if !isPermanent(err) || message.ClassOf(err) != message.ClassInvalid {
				t.Errorf("it may be tried again: %v", err)
			}
		})
	}
}

func TestNewHeaderIsComplete(t *testing.T) {
	h := message.NewHeader("PaymentReceived", "billing")
	if id, err := uuid.Parse(h.MessageID); err != nil || id.Version() != 7 {
		t.Errorf("message id %q: %v", h.MessageID, err)
	}
	if since := time.Since(h.Timestamp); since < 0 || since > time.Minute || h.Timestamp.Location() != time.UTC {
		t.Errorf("timestamp %v", h.Timestamp)
	}
	if h.SchemaName != "PaymentReceived" || h.SchemaVersion == "" || h.CorrelationID != "" {
		t.Errorf("%+v", h)
	}
	if message.NewHeader("P", "b").MessageID == h.MessageID {
		t.Error("two headers have one message id")
	}
}

// anything is a model with a field of each common kind.
type anything struct {
	Text    string             `json:"text"`
	Whole   int64              `json:"whole"`
	Real    float64            `json:"real"`
	Flag    bool               `json:"flag"`
	List    []string           `json:"list"`
	Map     map[string]float64 `json:"map"`
	Pointer *anything          `json:"pointer,omitempty"`
}

func genHeader(t *rapid.T) message.Header {
	text := rapid.StringN(1, 40, 200)
	return message.Header{
		MessageType: text.Draw(t, "type"), SchemaName: text.Draw(t, "schema"), SchemaVersion: text.Draw(t, "version"),
		CorrelationID: rapid.String().Draw(t, "correlation"), MessageID: text.Draw(t, "id"), Producer: text.Draw(t, "producer"),
		Timestamp: time.Unix(rapid.Int64Range(-6e10, 2e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC(),
	}
}

func genBody(t *rapid.T, depth int) *anything {
	a := &anything{
		Text:  rapid.String().Draw(t, "text"),
		Whole: rapid.Int64().Draw(t, "whole"),
		Real:  rapid.Float64().Draw(t, "real"),
		Flag:  rapid.Bool().Draw(t, "flag"),
		List:  rapid.SliceOf(rapid.String()).Draw(t, "list"),
		Map:   rapid.MapOf(rapid.String(), rapid.Float64()).Draw(t, "map"),
	}
	if depth > 0 && rapid.Bool().Draw(t, "deeper") {
		a.Pointer = genBody(t, depth-1)
	}
	return a
}

func TestEncodedIsDecodedToTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h, body := genHeader(rt), genBody(rt, 3)
		value, err := encode(t.Context(), h, body)
		if err != nil {
			rt.Fatal(err)
		}
		gotBody := new(anything)
		gotHeader, err := open(t.Context(), value, gotBody)
		if err != nil {
			rt.Fatalf("%s: %v", value, err)
		}
		again, err := encode(t.Context(), gotHeader, gotBody)
		if err != nil || gotHeader != h || string(again) != string(value) {
			rt.Fatalf("sent %s\ngot  %s, %v", value, again, err)
		}
	})
}
