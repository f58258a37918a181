package main

import (
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/internal/answers"
)

// TestFormatIsTold proves that what the topics have already is told where messages get
// another format, and nowhere else.
func TestFormatIsTold(t *testing.T) {
	json, avro := answers.Defaults("shop"), answers.Defaults("shop")
	avro.With = append(avro.With, answers.Avro)
	for _, c := range []struct {
		was, is answers.Answers
		want    string
	}{{json, avro, "already are JSON"}, {avro, json, "already are Avro"}, {json, json, ""}, {avro, avro, ""}} {
		notes := formatNotes(c.was, c.is)
		if text := strings.Join(notes, "\n"); !strings.Contains(text, c.want) || (c.want == "") != (len(notes) == 0) {
			t.Errorf("%q, want %q", notes, c.want)
		}
	}
}
