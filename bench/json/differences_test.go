package json_test

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// model has fields of the kinds that libraries do not agree on.
type model struct {
	Text   string             `json:"text"`
	Number float64            `json:"number"`
	At     time.Time          `json:"at"`
	Bytes  []byte             `json:"bytes"`
	Hash   [4]byte            `json:"hash"`
	Pair   [2]int             `json:"pair"`
	List   []string           `json:"list"`
	Map    map[string]float64 `json:"map"`
	ByID   map[int]int        `json:"byId"`
	Wait   time.Duration      `json:"wait"`
	Any    any                `json:"any"`
}

const (
	taken   = true
	refused = false
	all     = "encoding-json sonic sonic-arm64 goccy segmentio"
)

// differences are values, what the service's codec does with them, and which
// libraries do otherwise, or make another value of it.
var differences = []struct {
	name, value string
	taken       bool
	otherwise   string
	checked     bool // refused by sonic with the checks of this package
}{
	{"a usual one", `{"text":"a","number":1.5,"at":"2026-03-01T12:00:00Z","pair":[1,2],"any":[null]}`, taken, "", false},
	{"another case of a name", `{"Text":"a"}`, refused, "encoding-json goccy", true},
	{"a name twice", `{"text":"a","text":"b"}`, refused, all, true},
	{"a name twice, with an escape", `{"text":"a","te\u0078t":"b"}`, refused, all, true},
	{"a key twice", `{"map":{"a":1,"a":2}}`, refused, all, true},
	{"an unknown field", `{"x":1}`, refused, "", true},
	{"invalid UTF-8", "{\"text\":\"\xff\"}", refused, all, true},
	{"half a surrogate pair", `{"text":"\ud800"}`, refused, "encoding-json sonic-arm64 goccy segmentio", true},
	{"a control character", "{\"text\":\"a\nb\"}", refused, "", true},
	{"a time with an hour of one digit", `{"at":"2026-03-01T1:00:00Z"}`, refused, all, false},
	{"a time with a comma", `{"at":"2026-03-01T12:00:00,5Z"}`, refused, "encoding-json sonic sonic-arm64 goccy", false},
	{"a time with an escape", `{"at":"2026-03-01T12:00:00\u005a"}`, taken, all, false},
	{"an array that is short", `{"pair":[1]}`, refused, all, false},
	{"an array that is long", `{"pair":[1,2,3]}`, refused, all, false},
	{"numbers for bytes", `{"bytes":[1,2]}`, refused, all, false},
	{"base64 with a line break", `{"bytes":"Y\nWI="}`, refused, all, false},
	{"base64 for an array of bytes", `{"hash":"YWJjZA=="}`, taken, all, false},
	{"a number for a duration", `{"wait":1}`, refused, all, false},
	{"null in a list", `{"list":[null]}`, taken, "sonic-arm64", false},
	{"minus zero", `{"number":-0}`, taken, "sonic sonic-arm64", false},
	{"a number beyond float64", `{"number":1e400}`, refused, "", true},
	{"such a number without a type", `{"any":1e400}`, refused, "", true},
	{"not a number", `{"number":NaN}`, refused, "", true},
	{"text for a number", `{"number":"1"}`, refused, "", true},
	{"a key with a leading zero", `{"byId":{"01":1}}`, refused, "encoding-json sonic-arm64 goccy", true},
	{"more after it", `{}{}`, refused, "", true},
	{"5,000 arrays in each other", `{"any":` + strings.Repeat("[", 5_000) + strings.Repeat("]", 5_000) + `}`, taken, "sonic sonic-arm64", false},
	{"11,000 arrays in each other", `{"any":` + strings.Repeat("[", 11_000) + strings.Repeat("]", 11_000) + `}`, refused, "segmentio", true},
}

// TestDifferences says of each library what it does otherwise.
func TestDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			var want model
			if err := readExperiment([]byte(d.value), &want); (err == nil) != d.taken {
				t.Fatalf("the service's library: %v", err)
			}
			for _, l := range libraries() {
				var got model
				err := l.strict([]byte(d.value), &got)
				otherwise := (err == nil) != d.taken || err == nil && !same(got, want)
				if listed := slices.Contains(strings.Fields(d.otherwise), l.name); listed != otherwise {
					t.Errorf("%s does otherwise: %v, %v %+v", l.name, otherwise, err, got)
				}
				if checked := err != nil || !utf8.ValidString(d.value) || !namesOnce([]byte(d.value)); l.name == "sonic" && !d.taken && checked != d.checked {
					t.Errorf("sonic with checks refuses: %v", checked)
				}
			}
		})
	}
}

func same(a, b model) bool {
	return reflect.DeepEqual(a, b) && math.Signbit(a.Number) == math.Signbit(b.Number)
}
