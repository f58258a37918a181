package envelope_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ouroboros-forge/forge/template/service/internal/envelope"
	"github.com/ouroboros-forge/forge/template/service/internal/fast"
	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// useFast has the codec of package fast tested, until tb ends.
func useFast(tb testing.TB) {
	tb.Helper()
	before := newCodec
	newCodec = func(assumeUTC bool) message.Codec { return fast.JSON{JSON: envelope.JSON{AssumeUTC: assumeUTC}} }
	tb.Cleanup(func() { newCodec = before })
}

// TestFast holds the codec of package fast to the tests of this one.
func TestFast(t *testing.T) {
	useFast(t)
	for name, test := range map[string]func(*testing.T){
		"header and body":      TestDecodeReadsHeaderAndBody,
		"timestamps":           TestDecodeTimestampIsUTC,
		"no time zone":         TestATimestampWithoutZoneIsTakenAsUTCWhenToldSo,
		"correlation id":       TestDecodeCorrelationIDIsOptional,
		"other bodies":         TestDecodeBodyNeedNotBeAStruct,
		"refusals":             TestDecodeRefuses,
		"depth":                TestDecodeLimitsDepth,
		"extra fields":         TestForbidExtraRefusesUnknownFields,
		"refused bodies":       TestHeaderIsKnownWhenTheBodyIsRefused,
		"tried again":          TestTheSameMessageTriedAgainStartsAnew,
		"nothing of the value": TestDecodeKeepsNothingOfTheValue,
		"side by side":         TestHandleSideBySide,
		"wire format":          TestEncodeWritesTheWireFormat,
		"refused to write":     TestEncodeRefuses,
		"order of keys":        TestEncodeIsDeterministic,
		"written and read":     TestEncodedIsDecodedToTheSame,
		"tags":                 TestTagsAreToldInWords,
		"tags of elements":     TestTagsOfElementsOfASlice,
		"tags of maps":         TestTagsOfElementsOfAMapAndAnArray,
		"rules of pointers":    TestARuleMayBeAMethodOfAPointer,
		"Validate":             TestOwnValidateTakesThePlaceOfTags,
	} {
		t.Run(name, test)
	}
}

// plain has fields of each kind that package fast reads itself.
type plain struct {
	Text   string     `json:"text"`
	Flag   bool       `json:"flag,omitempty"`
	Small  int8       `json:"small"`
	Whole  int64      `json:"whole,omitzero"`
	Count  uint16     `json:"count"`
	Number float64    `json:"number"`
	Real   float32    `json:"real"`
	At     time.Time  `json:"at"`
	Until  *time.Time `json:"until"`
	List   []string   `json:"list"`
	Lists  [][]int    `json:"lists"`
	Items  []*item    `json:"items"`
	Sub    struct{ Text string }
	hidden int    //nolint:unused // it is not in the JSON
	Never  func() `json:"-"`
}

type item struct {
	Kind   kind `json:"kind"`
	Amount float64
}

type kind string

type strictPlain struct {
	message.ForbidExtra
	Text string `json:"text"`
}

// mixed has fields that libraries do not agree on.
type mixed struct {
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

// Models that package fast must leave to the default, each for a reason of its own.
type (
	embeds  struct{ payment }
	options struct {
		Text   string `json:"text,case:ignore"`
		Number int    `json:"number,string"`
	}
	waits struct {
		Wait time.Duration `json:"wait"`
	}
	shouts struct {
		Text loud `json:"text"`
	}
	loud string
)

func (l *loud) UnmarshalText(text []byte) error {
	*l = loud(strings.ToUpper(string(text)))
	return nil
}

// bodies are what fuzzing starts with: what libraries differ in, and what is
// written in more ways than one. TestDecodeLimitsDepth has what is too deep.
func bodies() []string {
	values := []string{
		`{"text":"a","number":1.5,"at":"2026-03-01T12:00:00Z","pair":[1,2],"any":[null]}`, `{"Text":"a"}`, `{"text":"a","text":"b"}`,
		`{"text":"a","te\u0078t":"b"}`, `{"map":{"a":1,"a":2}}`, `{"x":1}`, "{\"text\":\"\xff\"}", `{"text":"\ud800"}`, "{\"text\":\"a\nb\"}",
		`{"at":"2026-03-01T1:00:00Z"}`, `{"at":"2026-03-01T12:00:00,5Z"}`, `{"at":"2026-03-01T12:00:00\u005a"}`, `{"pair":[1]}`, `{"pair":[1,2,3]}`,
		`{"bytes":[1,2]}`, `{"bytes":"Y\nWI="}`, `{"hash":"YWJjZA=="}`, `{"wait":1}`, `{"list":[null]}`, `{"number":-0}`, `{"number":1e400}`,
		`{"any":1e400}`, `{"number":NaN}`, `{"number":"1"}`, `{"byId":{"01":1}}`, `{}{}`,
		`{"any":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,

		`{"text":"a","flag":true,"small":-1,"whole":12,"count":3,"number":1.50,"real":0.1,"at":"2026-03-01T12:00:00.5+02:00","until":null,"list":["a","b"],` +
			`"lists":[[1],[],null],"items":[{"kind":"x","Amount":1},null],"Sub":{"Text":"é\n"}}`,
		` { "Sub" : { } , "items" : [ ] , "lists" : null , "list" : [ ] , "until" : "2026-03-01T12:00:00Z" , "number" : -1.5E+3 , "text" : "" } `,
		`{"list":["1","2","3","4","5","6","7","8","9"],"items":[{"Amount":1},{},{"kind":"b"},{},{"kind":"é"},null]}`, `{"items":[{}]}`, `{"items":[1]}`, `{"items":{}}`, `{"list":"a"}`,
		`{"text":null,"flag":null,"small":null,"count":null,"number":null,"at":null,"items":null,"Sub":null}`, `{"flag":false,"small":127,"count":65535}`,
		`{"small":128}`, `{"small":-129}`, `{"small":1.0}`, `{"small":1e1}`, `{"small":-0}`, `{"small":01}`, `{"count":-0}`, `{"count":-1}`, `{"count":65536}`, `{"whole":9223372036854775807}`,
		`{"whole":9223372036854775808}`, `{"number":1e308}`, `{"number":1.}`, `{"number":.5}`, `{"number":+1}`, `{"number":-}`, `{"number":1e}`, `{"number":1e+}`, `{"number":0x1}`, `{"number":1_0}`,
		`{"number":Inf}`, `{"number":00}`, `{"number":0.1234567890123456789012345678901234567890}`, `{"real":3.4e39}`, `{"real":1e-50}`, `{"real":16777217}`,
		`{"at":"2026-03-01T12:00:00+25:00"}`, `{"at":"2026-03-01T12:00:00+23:60"}`, `{"at":"2026-03-01T12:00:00-23:59"}`, `{"at":"2026-02-30T12:00:00Z"}`, `{"at":"2026-03-01t12:00:00z"}`, `{"at":""}`, `{"at":1}`,
		`{"flag":tru}`, `{"flag":truefalse}`, `{"flag":"true"}`, `{"text":nul}`, `{"text":"\u00e9\ud83d\ude00\/\\\""}`, `{"text":"\x"}`, `{"text":"a\"}`, `{"text":"abcdefgh`, `{"text":"}"}`, `{"text":"\"body\":"}`,
		`{"text":"a",}`, `{,}`, `{"text" "a"}`, `{"text":"a" "flag":true}`, `{"list":["a",]}`, `{"list":["a" "b"]}`, `{"list":[`, `{"":1}`, "{\"text\":\"\u2028\x7f\u0080\"}",
		`{"text":"\x"null}`, `{"more":"\x"1}`, `{"more":{"a":1,"a":2}}`, `{"more":{"a":1,"b":[{},[],[1,{"a":"x"}],true,false,null,-1e3,"é\n"]},"text":"a"}`, `{"more":1,"more":2}`,
		`{"more":1,"mor\u0065":2}`, `{"mor\u0065":"\u0061bcd","more":2}`, `{"more":[1,]}`, `{"more":[1 2]}`, `{"more":{"a":1,}}`, `{"more":tru}`, `{"more":01}`, `{"more":}`, `{"more":"` + "\xff" + `"}`, `{"a":1,"b":2,"text":"c","d":[[[["\ud800"]]]]}`,
		`{"text":"a"}x`, "{\"text\":\"a\"}\x00", `null`, ` null `, `[]`, `[null]`, `"text"`, `12`, `true`, ``,
	}
	for i, value := range values { // with spaces, and as an item
		values = append(values, strings.ReplaceAll(strings.ReplaceAll(value, `,"`, ` , "`), `":`, "\"\t:\n"), "["+value+"]")
		if i%2 == 0 {
			values = append(values, strings.Replace(value, "{", `{"text":"a long text, so that a few words of eight bytes are read \\ \u0001 at once",`, 1))
		}
	}
	return values
}

// FuzzFast holds package fast to this one: it makes the same of every value, or
// refuses it in the same words.
func FuzzFast(f *testing.F) {
	for _, seed := range envelopes() {
		f.Add([]byte(seed))
	}
	for _, body := range bodies() {
		f.Add([]byte(inEnvelope("P", body)))
	}
	for _, old := range []string{`"m-1"`, `"billing"}`, `Z"`, `"c-1"`, `12:00:00`} { // of the header
		for _, replacement := range []string{`null`, `"\u00e9"`, `"}"`, `1`, `+02:00"`, `1:00:00`, `"x","messageId":"x"`, `"x","more":1}`, " \"x\" }\n"} {
			f.Add([]byte(strings.Replace(inEnvelope("P", `{"text":"a"}`), old, replacement, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, model := range []any{plain{}, strictPlain{}, mixed{}, embeds{}, options{}, waits{}, shouts{}, []plain{}, [][]string{}, "", 1.5, time.Time{}, struct{}{}, new(any)} {
			sameAsDefault(t, value, reflect.TypeOf(model), false)
		}
		sameAsDefault(t, value, reflect.TypeFor[plain](), true)
	})
}

func sameAsDefault(t *testing.T, value []byte, model reflect.Type, assumeUTC bool) {
	t.Helper()
	standard := envelope.JSON{AssumeUTC: assumeUTC}
	wantHeader, wantBody, wantErr := readWith(t.Context(), standard, value, model)
	header, body, err := readWith(t.Context(), fast.JSON{JSON: standard}, value, model)
	if header != wantHeader || !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("%s\nread as %+v, %v\nwant    %+v, %v", value, header, err, wantHeader, wantErr)
	}
	text, _ := json.Marshal(body, json.Deterministic(true))
	wantText, _ := json.Marshal(wantBody, json.Deterministic(true))
	if !reflect.DeepEqual(body, wantBody) || string(text) != string(wantText) { // which tells -0 from 0
		t.Fatalf("%s\nread as %+v\nwant    %+v", value, body, wantBody)
	}
}

func readWith(ctx context.Context, codec message.Codec, value []byte, model reflect.Type) (h message.Header, body any, err error) {
	m := newMessage(string(value))
	h, text, err := codec.Open(ctx, m)
	out := reflect.New(model)
	if err == nil {
		err = codec.Decode(ctx, m, text, out.Interface())
	}
	return h, out.Interface(), err
}

// TestFastReadsIntoABody that has values already, as the default does.
func TestFastReadsIntoABody(t *testing.T) {
	for _, text := range []string{`{"list":["a"],"whole":null,"items":[{}]}`, `{"text":"a","more":1}`, `null`} {
		var bodies [2]plain
		for i, codec := range []message.Codec{envelope.JSON{}, fast.JSON{}} {
			bodies[i] = plain{Text: "before", Whole: 1, List: []string{"b", "c"}, Items: []*item{{Amount: 2}}}
			_ = codec.Decode(t.Context(), newMessage(""), []byte(text), &bodies[i])
		}
		if !reflect.DeepEqual(bodies[0], bodies[1]) {
			t.Errorf("%s: %+v, want %+v", text, bodies[1], bodies[0])
		}
	}
}

// BenchmarkFast is BenchmarkHandle with the codec of package fast.
func BenchmarkFast(b *testing.B) {
	useFast(b)
	BenchmarkHandle(b)
}
