package plan

import (
	"testing"

	"github.com/ouroboros-forge/forge/internal/wire"
)

// What is to come is put in, and what is to go is taken out.
func TestHintsSayWhatToDoWithLines(t *testing.T) {
	for want, noPlace := range map[string]wire.PlaceError{
		"correct it":                                  {Reason: "does not parse as Go"},
		"put these lines where they belong":           {Add: []string{"a()"}},
		"take these lines out, wherever they are now": {Cut: []string{"a()"}},
		"take out the lines with -, wherever they are now, and put those with + where they belong": {Add: []string{"a()"}, Cut: []string{"b()"}},
	} {
		if got := hintOf(&noPlace); got != want {
			t.Errorf("%v: %s, want %s", noPlace, got, want)
		}
	}
}
