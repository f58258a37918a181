package message

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

// plainBody has everything that a plain body can have.
type plainBody struct {
	ID     string      `json:"id"`
	Count  int         `json:"count"`
	Small  int8        `json:"small,omitempty"`
	Size   uint16      `json:"size"`
	Price  float64     `json:"price"`
	Paid   bool        `json:"paid"`
	At     time.Time   `json:"at"`
	Note   *string     `json:"note"`
	Items  []plainItem `json:"items"`
	Next   *plainItem  `json:"next,omitzero"`
	Tags   []string    `json:"tags"`
	Untold string      `json:"-"`
	Named  word
	_      int
}

type word string

type plainItem struct {
	SKU    string `json:"sku"`
	Number int64  `json:"number"`
}

// read reads data by the reader of a T, and reports whether it did.
func read[T any](data string) (out T, ok bool) {
	d := new(decoder)
	d.data = []byte(data)
	ok = d.readBody(&out)
	return out, ok && d.peek() == 0 && d.pos == len(d.data)
}

// FuzzReadIsWhatTheDecoderReads: what a reader reads is what the general
// decoder reads, and nothing which that one refuses.
func FuzzReadIsWhatTheDecoderReads(f *testing.F) {
	for _, data := range plainBodies {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) { sameAsDecoder(t, data) })
}

var plainBodies = []string{
	`{}`, `null`, `{"id":"a","count":-7,"small":127,"size":65535,"price":1.5e3,"paid":true}`,
	` { "id" : "größer\u0020\n" , "items" : [ { "sku" : "x" , "number" : 0 } , null , {} ] } `,
	`{"note":"n","next":{"number":1},"tags":["a","bcdef",null],"Named":"w","at":"2026-03-01T12:00:00.5Z"}`,
	`{"id":"long enough to be shared","Named":"","tags":["","no","a \"quoted\" one","ende"]}`,
	`{"id":"größer","Named":"日本語テキスト","note":"naïve 🦊 fox","tags":["é","ascii"]}`,
	`{"note":null,"next":null,"tags":[],"items":null,"at":"2026-03-01T12:00:00+02:00","paid":false}`,
}

func sameAsDecoder(t interface {
	Helper()
	Fatalf(string, ...any)
}, data string) {
	t.Helper()
	got, ok := read[plainBody](data)
	if !ok {
		return
	}
	var want plainBody
	if err := json.Unmarshal([]byte(data), &want); err != nil {
		t.Fatalf("%q was read, but %v", data, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: read %+v, want %+v", data, got, want)
	}
}

func TestReadIsWhatTheDecoderReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(rapid.SampledFrom(plainBodies).Draw(t, "body"))
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			if len(data) == 0 {
				break
			}
			at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
			with := []byte(rapid.SampledFrom([]string{
				"", "0", "-", ".", "1e5", "null", `"`, `\`, ",", "{}", "[]", "\xff", "\x00", " ", "99999999999999999999", `"id":"b",`, `\ud800`,
			}).Draw(t, "with"))
			data = append(data[:at:at], append(with, data[at+rapid.IntRange(0, 1).Draw(t, "instead"):]...)...)
		}
		sameAsDecoder(t, string(data))
	})
}

// TestReadsPlainBodies: what is above would hold for a reader that always
// gives up.
func TestReadsPlainBodies(t *testing.T) {
	for _, data := range plainBodies {
		if _, ok := read[plainBody](data); !ok {
			t.Errorf("gave up on %s", data)
		}
	}
}

func TestGivesUp(t *testing.T) {
	for _, data := range []string{
		`{"id":"a","id":"b"}`, `{"count":1,"id":"a","count":2}`, `{"unknown":1}`, `{"ID":"a"}`, `{"count":1.0}`, `{"count":01}`, `{"small":128}`, `{"size":-1}`,
		`{"price":.5}`, `{"price":1e999}`, `{"paid":1}`, `{"at":"2026-03-01 12:00:00Z"}`, `{"id":"\ud800"}`, "{\"id\":\"\xff\"}", "{\"id\":\"abcdefgh\xed\xa0\x80\"}",
		`{"id":"a",}`, `{"tags":["a",]}`, `{"tags":["a"`, `[]`, `{"id":1}`, `nul`, ``,
	} {
		if out, ok := read[plainBody](data); ok || !reflect.ValueOf(out).IsZero() {
			t.Errorf("%s: read %+v", data, out)
		}
	}
}

// TestNotPlain is about types of which the general decoder alone knows how they read.
func TestNotPlain(t *testing.T) {
	type tree struct{ Children []tree }
	for _, v := range []any{
		map[string]string{}, struct{ B []byte }{}, struct{ A any }{}, struct{ M map[string]int }{}, tree{}, struct{ plainItem }{},
		struct {
			N int `json:"n,string"`
		}{},
		struct {
			T time.Time `json:",format:unix"`
		}{}, struct{ A [2]int }{}, struct{ F float32 }{}, new(*string),
	} {
		if makeReader(reflect.TypeOf(v), nil) != nil {
			t.Errorf("%T has a reader", v)
		}
	}
}
