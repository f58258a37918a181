package schema_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
	"github.com/ouroboros-forge/forge/template/service/internal/schema"
)

// record is a schema with one field, or more.
func record(name, fields string) string {
	return fmt.Sprintf(`{"type":"record","name":%q,"fields":[%s]}`, name, fields)
}

func field(name, typ string, more ...string) string {
	parts := append([]string{fmt.Sprintf(`"name":%q,"type":%s`, name, typ)}, more...)
	return "{" + strings.Join(parts, ",") + "}"
}

const (
	day    = `{"type":"int","logicalType":"date"}`
	millis = `{"type":"long","logicalType":"timestamp-millis"}`
	micros = `{"type":"long","logicalType":"timestamp-micros"}`
)

// Avro's rules look at the numbers alone. Read in another unit, a time is
// another time.
func TestTimesAreNotReadInAnotherUnit(t *testing.T) {
	list := func(of string) string { return `{"type":"array","items":` + of + `}` }
	for _, tt := range []struct {
		name, writer, reader string
		field                string // "-" when it can be read
	}{
		{"the same", field("at", millis), field("at", millis), "-"},
		{"finer", field("at", millis), field("at", micros), "at"},
		{"coarser", field("at", micros), field("at", millis), "at"},
		{"a local time", field("at", millis), field("at", `{"type":"long","logicalType":"local-timestamp-millis"}`), "-"},
		{"a day becomes a moment", field("at", day), field("at", millis), "at"},
		{"a time of a day", field("at", `{"type":"int","logicalType":"time-millis"}`), field("at", `{"type":"long","logicalType":"time-micros"}`), "at"},
		{"the number alone", field("at", millis), field("at", `"long"`), "-"},
		{"a word that Avro does not know", field("at", `{"type":"long","logicalType":"age"}`), field("at", millis), "-"},
		{"may be null now", field("at", millis), field("at", `["null",`+micros+`]`), "at"},
		{"may be null", field("at", `["null",`+millis+`]`), field("at", `["null",`+micros+`]`), "at"},
		{"two times in one field", field("at", `[`+day+`,`+millis+`]`), field("at", `[`+millis+`,`+day+`]`), "-"},
		{"a day becomes one that may be null", field("at", day), field("at", `["null",`+millis+`]`), "at"},
		{"a text or null", field("at", `["null","string"]`), field("at", `["null","string"]`), "-"},
		{"in a list", field("all", list(millis)), field("all", list(micros)), "all.items"},
		{"in a map", field("all", `{"type":"map","values":`+millis+`}`), field("all", `{"type":"map","values":`+micros+`}`), "all.values"},
		{"under another name", field("made", millis), field("at", micros, `"aliases":["made"]`), "at"},
		{"new", field("at", millis), field("at", millis) + "," + field("made", micros, `"default":0`), "-"},
		{"in a record of its own", field("a", record("Span", field("from", millis))), field("a", record("Span", field("from", micros))), "a.from"},
		{"in a branch", field("a", `["null",`+record("Other", "")+`,`+record("Span", field("from", millis))+`]`),
			field("a", `["null",`+record("Other", "")+`,`+record("x.Span", field("from", micros))+`]`), "a.from"},
		{"in a record that is mentioned again",
			field("gone", record("Span", field("from", millis))) + "," + field("b", `"Span"`),
			field("b", record("Span", field("from", micros))), "b.from"},
		{"in a record that has itself in it",
			field("next", `["null","top"]`) + "," + field("at", millis),
			field("next", `["null","top"]`) + "," + field("at", micros), "at"},
	} {
		err := schema.CompareAvro(record("top", tt.writer), record("top", tt.reader))
		broken, ok := errors.AsType[*schema.BreakError](err)
		if ok != (tt.field != "-") || ok && broken.Field != tt.field || !ok && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// stamped is a model with a time, in milliseconds if it does not say.
type stamped struct {
	At time.Time `json:"at"`
}

// Neither the start nor a message gets by with times of another unit, whether
// the writer's schema is the model's in all else or has to be resolved.
func TestTimesInAnotherUnitAreRefusedByName(t *testing.T) {
	words := []string{"field at", "timestamp-micros", "timestamp-millis"}
	for _, fields := range []string{field("at", micros), field("legacy", `"int"`) + "," + field("at", micros)} {
		registry := startRegistry(t)
		writer := record("stamped", fields)
		registry.SeedSchema("payments-value", 1, 41, sr.Schema{Schema: writer})
		data, err := avro.MustParse(writer).Encode(map[string]any{"at": time.Now(), "legacy": 1})
		if err != nil {
			t.Fatal(err)
		}
		c := newCodec(t, settings(t, registry.URL()))
		bind(t, c, topic, stamped{})
		mustSay(t, c.Startup(t.Context()), append(words, "version 1")...)
		var got stamped
		_, err = decode(t, c, &message.Message{Topic: topic, Value: append([]byte{0, 0, 0, 0, 41}, data...), Time: time.Now()}, &got)
		mustSay(t, err, append(words, "schema 41")...)
		if message.ClassOf(err) != message.ClassDecode || !isPermanent(err) {
			t.Errorf("it is %v", err)
		}
	}
}

// Only what helps: the reader of a version that is out there cannot be changed.
func TestAdviceIsForWhoCanFollowIt(t *testing.T) {
	const advice = "make it a pointer"
	for next, want := range map[any]bool{paymentAdded{}: true, paymentFull{}: false} {
		registry := startRegistry(t)
		start(t, settings(t, registry.URL()), topic, paymentV1{})
		c := newCodec(t, settings(t, registry.URL()))
		bind(t, c, topic, next)
		err := c.Startup(t.Context())
		mustSay(t, err, "has no default for it")
		if says := contains(err, advice); says != want {
			t.Errorf("%T: %v", next, err)
		}
	}
}
