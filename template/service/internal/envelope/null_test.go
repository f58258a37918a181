package envelope_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// listed has lists and maps of what has no null, and of what has.
type listed struct {
	Counts []int             `json:"counts"`
	Names  map[string]string `json:"names"`
	Parts  []struct {
		Sizes [][]float64 `json:"sizes"`
		Note  *string     `json:"note"`
	} `json:"parts"`
	Pair   [2]bool        `json:"pair"`
	Own    []*int         `json:"own"`
	Any    map[string]any `json:"any"`
	Text   string         `json:"text"`
	Number int            `json:"number"`
}

// TestNullInAListIsNoZero proves that a null is refused, by its path, where a zero would
// stand for it that nobody sent; where Go has a null, and where a field may be absent,
// it is taken.
func TestNullInAListIsNoZero(t *testing.T) {
	for body, want := range map[string]string{
		`{"counts": [1, null]}`:                            "body.counts[1]: must be a whole number, got null",
		`{"names": {"a": null}}`:                           "body.names.a: must be a string, got null",
		`{"parts": [null]}`:                                "body.parts[0]: must be an object, got null",
		`{"parts": [{"sizes": [[1], [2, null]]}]}`:         "body.parts[0].sizes[1][1]: must be a number, got null",
		`{"pair": [true, null]}`:                           "body.pair[1]: must be a boolean, got null",
		`{"text": "null", "counts": [1]}`:                  "",
		`{"counts": null, "text": null, "number": null}`:   "",
		`{"parts": [{"sizes": [null], "note": null}]}`:     "",
		`{"own": [null], "any": {"a": null, "b": [null]}}`: "",
		`{"unknown": {"a": [null]}, "text": "x", "any": {"a": {"b": {"c": null}}}, "counts": [1]}`: "",
	} {
		var got listed
		err := envelope.JSON{}.Decode(context.Background(), new(message.Message), []byte(body), &got)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || message.ClassOf(err) != message.ClassInvalid):
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}
