package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/model"
)

// TestLimits proves that a file which stands for more than anybody reads is
// refused, before it takes the machine's time and memory.
func TestLimits(t *testing.T) {
	growing := func(levels int, level string) string {
		var b strings.Builder
		for i := range levels {
			fmt.Fprintf(&b, `"d%d": %s, `, i, strings.ReplaceAll(level, "NEXT", fmt.Sprintf(`{"$ref": "#/$defs/d%d"}`, i+1)))
		}
		return fmt.Sprintf(`{"$ref": "#/$defs/d0", "$defs": {%s"d%d": {"type": "object", "properties": {"x": {"type": "string"}}}}}`, b.String(), levels)
	}
	for _, tt := range []struct{ name, file, text, want string }{
		{"types that are read once", "a.json", growing(40, `{"properties": {"a": NEXT, "b": NEXT}}`), "no message of more than 10000 values"},
		{"types that are read each time", "a.json", growing(40, `{"allOf": [{"properties": {"x": {"type": "string"}}}, {"properties": {"a": {"allOf": [NEXT, {"properties": {"y": true}}]}, "b": {"allOf": [NEXT, {"properties": {"y": true}}]}}}]}`),
			"no message of more than 10000 values"},
		{"parts", "a.json", `{"allOf": [{"properties": {"a": true}}` + strings.Repeat(",{}", 20_000) + `]}`, "is one of more than 10000 types"},
		{"depth", "a.json", growing(500, `{"required": ["a"], "properties": {"a": NEXT}}`), "is nested more than 64 deep"},
		{"fields of a message", "a.json", `{` + manyFields(60_000) + `}`, "has more than 10000 fields"},
		{"fields of a list's items", "a.json", `{"l": [{` + strings.ReplaceAll(manyFields(20_000), ",", "},{") + `}]}`, "l[0]: has more than 10000 fields"},
		{"choices", "a.json", `{"properties": {"a": {"$ref": "#/$defs/e"}, "b": {"$ref": "#/$defs/e"}}, "$defs": {"e": {"enum": [0` + manyNumbers(60_000) + `]}}}`, "no more than 100000 single values"},
		{"records", "a.avsc", growingAvro(60), "no message of more than 10000 values"},
	} {
		_, err := model.Parse(tt.file, []byte(tt.text), false)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d": %d`, i, i)
	}
	return b.String()[1:]
}

// growingAvro is a schema in which each record has the one before it twice.
func growingAvro(levels int) string {
	var b strings.Builder
	b.WriteString(`{"type": "record", "name": "R", "fields": [{"name": "r0", "type": {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "int"}]}}`)
	for i := range levels {
		fmt.Fprintf(&b, `, {"name": "r%d", "type": {"type": "record", "name": "R%d", "fields": [{"name": "a", "type": "R%d"}, {"name": "b", "type": "R%d"}]}}`, i+1, i+1, i, i)
	}
	return b.String() + `]}`
}

// manyNumbers are the numbers from 1, each behind a comma.
func manyNumbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ",%d", i+1)
	}
	return b.String()
}
