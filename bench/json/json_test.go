// Package json_test measures libraries for JSON, and says what they take that the
// service's codec refuses: why it reads with none that is quicker.
package json_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/bytedance/sonic"
	experiment "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	goccy "github.com/goccy/go-json"
	segmentio "github.com/segmentio/encoding/json"

	"github.com/ouroboros-forge/forge/bench/payload"
)

// library reads a whole value.
type library struct {
	name   string
	quick  func(value []byte, out any) error
	strict func(value []byte, out any) error // the strictest way it has
}

func libraries() []library {
	sonicName := "sonic"
	if runtime.GOARCH == "arm64" || os.Getenv("SONIC_USE_OPTDEC") == "1" { // which has it use the decoder of arm64
		sonicName = "sonic-arm64"
	}
	return []library{
		{"go-json-experiment", readExperiment, readExperiment},
		{"encoding-json", json.Unmarshal, func(value []byte, out any) error {
			d := json.NewDecoder(bytes.NewReader(value))
			d.DisallowUnknownFields()
			return onlyOne(d, out)
		}},
		{sonicName, strictSonic.Unmarshal, strictSonic.Unmarshal},
		{"goccy", goccy.Unmarshal, func(value []byte, out any) error {
			d := goccy.NewDecoder(bytes.NewReader(value))
			d.DisallowUnknownFields()
			return onlyOne(d, out)
		}},
		{"segmentio", readSegmentio, readSegmentio},
	}
}

var strictSonic = sonic.Config{ValidateString: true, UseUnicodeErrors: true, CaseSensitive: true, DisallowUnknownFields: true}.Froze()

func readExperiment(value []byte, out any) error {
	return experiment.Unmarshal(value, out, experiment.RejectUnknownMembers(true))
}

func readSegmentio(value []byte, out any) error {
	rest, err := segmentio.Parse(value, out, segmentio.DisallowUnknownFields|segmentio.DontMatchCaseInsensitiveStructFields)
	if err == nil && len(rest) > 0 {
		err = errors.New("there is more")
	}
	return err
}

// onlyOne decodes a value and makes sure that no other follows.
func onlyOne(d interface{ Decode(out any) error }, out any) error {
	if err := d.Decode(out); err != nil {
		return err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("there is more")
	}
	return nil
}

// inTwoSteps reads an envelope as the service's codec does: the header, which
// tells the model, and then the body.
func inTwoSteps(value []byte, h *payload.Header, body any) error {
	d := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(value))
	for _, want := range []string{"{", "header"} {
		if t, err := d.ReadToken(); err != nil || t.String() != want {
			return fmt.Errorf("no %s", want)
		}
	}
	if err := experiment.UnmarshalDecode(d, h, experiment.RejectUnknownMembers(true)); err != nil {
		return err
	}
	if t, err := d.ReadToken(); err != nil || t.String() != "body" {
		return errors.New("no body")
	}
	rest, colon := bytes.CutPrefix(value[d.InputOffset():], []byte(":"))
	rest, brace := bytes.CutSuffix(rest, []byte("}"))
	if !colon || !brace {
		return errors.New("no body")
	}
	return experiment.Unmarshal(rest, body)
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// sonicInTwoSteps does the same with sonic.
func sonicInTwoSteps(value []byte, h *payload.Header, body any) error {
	var e struct {
		Header payload.Header         `json:"header"`
		Body   sonic.NoCopyRawMessage `json:"body"`
	}
	if err := strictSonic.Unmarshal(value, &e); err != nil {
		return err
	}
	*h = e.Header
	return strictSonic.Unmarshal(e.Body, body)
}

// sonicWithChecks adds what sonic has no option for.
func sonicWithChecks(value []byte, h *payload.Header, body any) error {
	if err := sonicInTwoSteps(value, h, body); err != nil {
		return err
	}
	if !utf8.Valid(value) || !namesOnce(value) {
		return errors.New("not UTF-8, or a name is given twice")
	}
	return nil
}

// namesOnce reports whether each name stands once in its object, and gives up on
// what is unusual: it is here to tell how quick such a check could be. The value
// is valid JSON.
func namesOnce(value []byte) bool {
	var (
		names [64][]byte
		start [16]int // of an open object's names
		n     int
		depth int
	)
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '{', '[':
			if depth == len(start) {
				return false
			}
			start[depth] = n
			depth++
		case '}', ']':
			depth--
			n = start[depth]
		case '"':
			text := value[i+1:]
			text = text[:bytes.IndexByte(text, '"')]
			i += len(text) + 1
			if len(text) > 0 && text[len(text)-1] == '\\' {
				return false
			}
			if i+1 == len(value) || value[i+1] != ':' {
				continue
			}
			if n == len(names) || bytes.IndexByte(text, '\\') >= 0 {
				return false
			}
			for _, other := range names[start[depth-1]:n] {
				if bytes.Equal(text, other) {
					return false
				}
			}
			names[n] = text
			n++
		}
	}
	return true
}

// Nested is a body with slices.
type Nested struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Currency string  `json:"currency"`
	Amount   float64 `json:"amount"`
	Items    []struct {
		SKU      string  `json:"sku"`
		Quantity int     `json:"quantity"`
		Price    float64 `json:"price"`
	} `json:"items"`
	Note string   `json:"note"`
	Tags []string `json:"tags"`
}

const nestedBody = `"body":{"id":"pay-%08[1]d","customer":"customer-%08[1]d","currency":"EUR","amount":129.95,` +
	`"items":[{"sku":"SKU-0001","quantity":2,"price":49.95},{"sku":"SKU-0002","quantity":1,"price":30.05}],` +
	`"note":"please ring twice, the bell is shy, please","tags":["web","priority"]}}`

// flat and nested return many envelopes, so that no cache knows them all.
func flat() [][]byte {
	source := payload.NewSource(1, 1_000)
	values := make([][]byte, 4096)
	for i := range values {
		_, values[i] = source.Next()
	}
	return values
}

func nested() [][]byte {
	values := flat()
	for i, value := range values {
		header, _, _ := bytes.Cut(value, []byte(`"body":`))
		values[i] = fmt.Appendf(slices.Clip(header), nestedBody, i)
	}
	return values
}

func BenchmarkDecode(b *testing.B) {
	b.Run("flat", func(b *testing.B) { benchmark[payload.Payment](b, flat()) })
	b.Run("nested", func(b *testing.B) { benchmark[Nested](b, nested()) })
}

func benchmark[T any](b *testing.B, values [][]byte) {
	for _, l := range libraries() {
		b.Run("one-call/"+l.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var e struct {
					Header payload.Header `json:"header"`
					Body   T              `json:"body"`
				}
				if err := l.quick(values[i%len(values)], &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, steps := range []struct {
		name   string
		decode func([]byte, *payload.Header, any) error
	}{{"go-json-experiment", inTwoSteps}, {"sonic", sonicInTwoSteps}, {"sonic-with-checks", sonicWithChecks}} {
		b.Run("two-steps/"+steps.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var h payload.Header
				var body T
				if err := steps.decode(values[i%len(values)], &h, &body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
