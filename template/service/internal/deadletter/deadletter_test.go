package deadletter

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/ouroboros-forge/forge/template/service/internal/engine"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

var failedAt = time.Date(2026, 3, 4, 5, 6, 7, 800, time.UTC)

func failure(reason string) engine.Failure {
	return engine.Failure{Err: errors.New(reason), Class: message.ClassInvalid, Attempts: 3, Time: failedAt}
}

// sink is a sender that keeps what it gets, and first refuses as often as
// it is told to.
type sink struct {
	refuse   []error
	messages []*message.Message
}

func (s *sink) Send(_ context.Context, m *message.Message) error {
	s.messages = append(s.messages, m)
	if len(s.refuse) >= len(s.messages) {
		return s.refuse[len(s.messages)-1]
	}
	return nil
}

func TestDeadLetterValues(t *testing.T) {
	const rest = `,"error":{"timestamp":"2026-03-04T05:06:07.0000008Z","reason":"body.amount: \"no\""}}`
	for _, c := range []struct{ name, value, original, encoding string }{
		{"an envelope", `{"header":{"b":1,"a":2},"body":{"x":1.00}}`, `{"header":{"b":1,"a":2},"body":{"x":1.00}}`, "json"},
		{"white space", " {\n}\r\n", " {\n}\r\n", "json"},
		{"nothing escaped that was not", `"<&>\u00e9é"`, `"<&>\u00e9é"`, "json"},
		{"a number alone", "1e400", "1e400", "json"},
		{"the same name twice", `{"a":1,"a":2}`, `{"a":1,"a":2}`, "json"},
		{"the word null", "null", "null", "json"},
		{"nested as deep as allowed", strings.Repeat("[", 60) + strings.Repeat("]", 60), strings.Repeat("[", 60) + strings.Repeat("]", 60), "json"},
		{"nested too deep", strings.Repeat("[", 61) + strings.Repeat("]", 61), "", "base64"},
		{"no JSON", "payload", "", "base64"},
		{"cut off", `{"a":`, "", "base64"},
		{"two values", "1 2", "", "base64"},
		{"a tail that closes the letter", `1},"x":{"y":2`, "", "base64"},
		{"invalid UTF-8", "\"\xff\"", "", "base64"},
		{"half a surrogate pair", `"\ud800"`, "", "base64"},
		{"empty", "", "", "base64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.encoding == "base64" {
				c.original = `"` + base64.StdEncoding.EncodeToString([]byte(c.value)) + `"`
			}
			got := newLetter(&message.Message{Topic: "payments", Value: []byte(c.value)}, failure(`body.amount: "no"`), "g")
			if want := `{"original_message":` + c.original + rest; string(got.Value) != want {
				t.Errorf("value\n%s\nwant\n%s", got.Value, want)
			}
			if encoding, _ := got.Get(headerEncoding); string(encoding) != c.encoding {
				t.Errorf("encoding %s, want %s", encoding, c.encoding)
			}
		})
	}
	got := newLetter(&message.Message{Topic: "payments"}, failure(`body.amount: "no"`), "g")
	if want := `{"original_message":null` + rest; string(got.Value) != want {
		t.Errorf("value of a tombstone\n%s\nwant\n%s", got.Value, want)
	}
	if encoding, _ := got.Get(headerEncoding); string(encoding) != EncodingNull {
		t.Errorf("encoding of a tombstone %s, want %s", encoding, EncodingNull)
	}
}

func TestDeadLetterHeaders(t *testing.T) {
	m := &message.Message{
		Topic: "payments", Partition: 4, Offset: 77, Key: []byte{}, Value: []byte("{}"), Time: failedAt.Add(-time.Hour),
		Headers: []message.Field{
			{Key: "trace", Value: []byte("1")}, {Key: "forge-dlq-reason", Value: []byte("the last time")},
			{Key: "trace", Value: nil}, {Key: "forge-dlq-own", Value: []byte("x")},
		},
	}
	got := newLetter(m, failure("this time"), "the group")
	var lines []string
	for _, h := range got.Headers {
		lines = append(lines, h.Key+"="+string(h.Value))
	}
	want := `trace=1
trace=
forge-dlq-topic=payments
forge-dlq-partition=4
forge-dlq-offset=77
forge-dlq-timestamp=2026-03-04T04:06:07.0000008Z
forge-dlq-group=the group
forge-dlq-attempts=3
forge-dlq-class=invalid
forge-dlq-reason=this time
forge-dlq-failed-at=2026-03-04T05:06:07.0000008Z
forge-dlq-encoding=json`
	if strings.Join(lines, "\n") != want {
		t.Errorf("headers\n%s\nwant\n%s", strings.Join(lines, "\n"), want)
	}
	if got.Topic != "payments.dlq" || got.Key == nil || len(m.Headers) != 4 {
		t.Errorf("topic %q, key %#v, %d headers left of the message's own", got.Topic, got.Key, len(m.Headers))
	}
}

func TestReasonIsCutBetweenCharacters(t *testing.T) {
	got := newLetter(&message.Message{Topic: "payments"}, failure("a"+strings.Repeat("é", 2000)), "g")
	reason, _ := got.Get(headerReason)
	if len(reason) > 1024 || len(reason) < 1022 || !utf8.Valid(reason) || !strings.HasSuffix(string(reason), "é…") {
		t.Errorf("the reason has %d bytes, valid: %t, and ends with %q, want an ellipsis", len(reason), utf8.Valid(reason), reason[len(reason)-5:])
	}
	var value struct {
		Error struct {
			Reason string `json:"reason"`
		} `json:"error"`
	}
	if err := json.Unmarshal(got.Value, &value); err != nil || value.Error.Reason != string(reason) {
		t.Errorf("the value's reason has %d bytes, %v", len(value.Error.Reason), err)
	}
}

func TestTooLargeALetterIsWrittenRaw(t *testing.T) {
	s := &sink{refuse: []error{fmt.Errorf("publish: %w", message.ErrTooLarge)}}
	m := &message.Message{Topic: "payments", Value: []byte("no JSON")}
	if err := (&Writer{Send: s.Send, Group: "g"}).DeadLetter(t.Context(), m, failure("why")); err != nil {
		t.Fatal(err)
	}
	raw := s.messages[1]
	encoding, _ := raw.Get(headerEncoding)
	reason, _ := raw.Get(headerReason)
	if string(raw.Value) != "no JSON" || string(encoding) != "raw" || string(reason) != "why" || raw.Topic != "payments.dlq" {
		t.Errorf("raw letter %+v", raw)
	}

	s = &sink{refuse: []error{message.ErrTooLarge, message.ErrTooLarge}}
	err := (&Writer{Send: s.Send, Group: "g"}).DeadLetter(t.Context(), m, failure("why"))
	if !errors.Is(err, message.ErrTooLarge) || len(s.messages) != 2 {
		t.Errorf("both refused: %v after %d attempts", err, len(s.messages))
	}
}

func TestOtherRefusalsComeBack(t *testing.T) {
	away := errors.New("no broker")
	s := &sink{refuse: []error{away}}
	err := (&Writer{Send: s.Send, Group: "g"}).DeadLetter(t.Context(), &message.Message{Topic: "payments", Offset: 5}, failure("why"))
	if !errors.Is(err, away) || len(s.messages) != 1 || !strings.Contains(err.Error(), "payments/0@5") {
		t.Errorf("error %v after %d attempts", err, len(s.messages))
	}
}

func TestNoDeadLetterOfADeadLetter(t *testing.T) {
	s := &sink{}
	if err := (&Writer{Send: s.Send, Group: "g"}).DeadLetter(t.Context(), &message.Message{Topic: "payments.dlq"}, failure("why")); err == nil || len(s.messages) > 0 {
		t.Errorf("error %v, published %d", err, len(s.messages))
	}
}

// sameMessage fails t unless got is what want was before it became a dead
// letter.
func sameMessage(t interface{ Fatalf(string, ...any) }, got, want *message.Message) {
	if got.Topic != want.Topic || got.Partition != want.Partition || got.Offset != want.Offset || !got.Time.Equal(want.Time) {
		t.Fatalf("restored %s/%d@%d %v, want %s/%d@%d %v", got.Topic, got.Partition, got.Offset, got.Time, want.Topic, want.Partition, want.Offset, want.Time)
	}
	if (got.Key == nil) != (want.Key == nil) || !bytes.Equal(got.Key, want.Key) {
		t.Fatalf("restored key %#v, want %#v", got.Key, want.Key)
	}
	if (got.Value == nil) != (want.Value == nil) || !bytes.Equal(got.Value, want.Value) {
		t.Fatalf("restored value %q, want %q", got.Value, want.Value)
	}
	same := func(a, b message.Field) bool {
		return a.Key == b.Key && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
	}
	if headers := originalHeaders(want); !slices.EqualFunc(got.Headers, headers, same) {
		t.Fatalf("restored headers %#v, want %#v", got.Headers, headers)
	}
}

// encodings are the ways to make a dead letter; each must lead back.
var encodings = []func(*message.Message, engine.Failure, string) *message.Message{newLetter, newRawLetter}

func newRawLetter(m *message.Message, f engine.Failure, group string) *message.Message {
	return withHeaders(m.Value, m, f, group, EncodingRaw)
}

func TestRestoreGivesTheOriginalBack(t *testing.T) {
	jsonish := rapid.StringMatching(`[ \n]?(\{("[a-z\\"]*" ?: ?[0-9]+,?)*\}|\[[0-9,]*\]|"[^"]*"|null|[0-9]+|)[ \n]?`)
	bytesOrNil := rapid.OneOf(
		rapid.Just[[]byte](nil), rapid.SliceOf(rapid.Byte()),
		rapid.Map(jsonish, func(s string) []byte { return []byte(s) }),
	)
	header := rapid.Custom(func(t *rapid.T) message.Field {
		return message.Field{
			Key:   rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{headerTopic, headerEncoding, headerReason})).Draw(t, "name"),
			Value: bytesOrNil.Draw(t, "value"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		m := &message.Message{
			Topic:     rapid.StringMatching(`[a-zA-Z0-9._-]{1,40}`).Draw(t, "topic"),
			Partition: rapid.Int32Min(0).Draw(t, "partition"),
			Offset:    rapid.Int64Min(0).Draw(t, "offset"),
			Key:       bytesOrNil.Draw(t, "key"),
			Value:     bytesOrNil.Draw(t, "value"),
			Headers:   rapid.SliceOf(header).Draw(t, "headers"),
			Time:      time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "time")),
		}
		f := failure(rapid.String().Draw(t, "reason"))
		for _, encode := range encodings {
			restored, err := restore(encode(m, f, "g"))
			if err != nil {
				t.Fatalf("%v", err)
			}
			sameMessage(t, restored, m)
		}
	})
}

func TestRestoreRefusesWhatIsNoDeadLetter(t *testing.T) {
	with := func(value, encoding string) *message.Message {
		return &message.Message{Value: []byte(value), Headers: []message.Field{
			{Key: headerTopic, Value: []byte("payments")}, {Key: headerEncoding, Value: []byte(encoding)},
		}}
	}
	for name, dead := range map[string]*message.Message{
		"no headers":          {Value: []byte("{}")},
		"an unknown encoding": with(`{"original_message":1}`, "zip"),
		"no object":           with(`[1]`, "json"),
		"no original":         with(`{"error":{}}`, "json"),
		"cut off":             with(`{"original_message":{"a":1}`, "json"),
		"no base64":           with(`{"original_message":"%"}`, "base64"),
		"no string":           with(`{"original_message":1}`, "base64"),
	} {
		if m, err := restore(dead); err == nil {
			t.Errorf("%s: restored %+v", name, m)
		}
	}
}

func TestRestoreDoesNotDependOnTheOrderOfMembers(t *testing.T) {
	got, err := originalMember([]byte(`{ "encoding" : "json", "original_message" : {"a":1} , "error": {} }`))
	if err != nil || string(bytes.TrimSpace(got)) != `{"a":1}` {
		t.Errorf("got %q, %v", got, err)
	}
}

func FuzzDeadLetterAndBack(f *testing.F) {
	for _, seed := range []string{"", "null", " {} ", `{"a":[1,"x"]}`, `"}`, `1},"x":{"y":2`, "\xff", "{\"original_message\":1}\n", `"\ud800"`} {
		f.Add([]byte(seed), "reason")
	}
	f.Fuzz(func(t *testing.T, value []byte, reason string) {
		if value == nil {
			value = []byte{}
		}
		m := &message.Message{Topic: "payments", Value: value}
		for _, encode := range encodings {
			dead := encode(m, failure(reason), "g")
			restored, err := restore(dead)
			if err != nil {
				t.Fatal(err)
			}
			sameMessage(t, restored, m)
		}
		var letter map[string]any
		if err := json.Unmarshal(newLetter(m, failure(reason), "g").Value, &letter, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Fatalf("the letter is no JSON: %v", err)
		}
	})
}
