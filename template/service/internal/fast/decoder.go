package fast

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// decoder reads values of JSON. It is reused.
type decoder struct {
	data    []byte
	pos     int
	texts   string // data, from when a text is kept that is a part of it
	escaped bool   // the last text was
	scratch []byte // and this is what it says
	strict  bool   // fields that the model lacks are not read
	depth   int    // of what is skipped
	header  message.Header
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder(data []byte) *decoder {
	d := decoders.Get().(*decoder) //nolint:forcetypeassert // nothing else is in there
	d.data, d.pos, d.texts, d.strict, d.depth = data, 0, "", true, 0
	return d
}

// peek returns the next byte that is not space, or 0 at the end.
func (d *decoder) peek() byte {
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
		d.pos++
	}
	return 0
}

// take reads c if it comes next.
func (d *decoder) take(c byte) bool {
	if d.peek() != c {
		return false
	}
	d.pos++
	return true
}

// takeNull reads null if it comes next.
func (d *decoder) takeNull() bool { return d.peek() == 'n' && d.takeWord("null") }

// takeWord reads word if it comes next, without space before it.
func (d *decoder) takeWord(word string) bool {
	end := d.pos + len(word)
	if end > len(d.data) || string(d.data[d.pos:end]) != word {
		return false
	}
	d.pos = end
	return true
}

// takeName reads the name of a field if it comes next, up to the field's value.
func (d *decoder) takeName(name string) bool {
	text, ok := d.text()
	return ok && string(text) == name && d.take(':')
}

const (
	low  = 0x0101010101010101 // times a byte: that byte in all eight
	high = 0x80 * low
)

// text reads a text if one comes next. It is valid until the next read.
func (d *decoder) text() ([]byte, bool) {
	if d.peek() != '"' {
		return nil, false
	}
	data, start := d.data, d.pos+1
	var all uint64 // the bytes there are, one over the other
	i := start
	for ; i <= len(data)-8; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:][:8]) // cut like this, it is checked once
		all |= x
		// Looks for a quote, a backslash or a control character. The lowest bit
		// that is set belongs to the first such byte: what is borrowed from higher
		// bytes can only set bits above it. A quote is the one byte that turns into
		// a space when its second bit is turned, and what was a control character
		// remains one.
		found := ((x ^ '\\'*low) - low) | ((x ^ 2*low) - (' '+1)*low)
		if found &= high &^ x; found != 0 {
			i += bits.TrailingZeros64(found) / 8
			break
		}
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
		all |= uint64(data[i])
		i++
	}
	switch {
	case i >= len(data):
		return nil, false
	case data[i] != '"' || all&high != 0 && !utf8.Valid(data[start:i]):
		return d.unescape(start)
	}
	d.pos, d.escaped = i+1, false
	return data[start:i], true
}

// unescape reads the text whose quote is before start: the uncommon case, with
// escapes.
func (d *decoder) unescape(start int) (text []byte, ok bool) {
	end := start
	for ; end < len(d.data) && d.data[end] != '"'; end++ {
		if d.data[end] == '\\' {
			end++
		}
	}
	if end >= len(d.data) {
		return nil, false
	}
	text, err := jsontext.AppendUnquote(d.scratch[:0], d.data[start-1:end+1])
	if err != nil {
		return nil, false
	}
	d.pos, d.escaped, d.scratch = end+1, true, text
	return text, true
}

// sharedTexts is how long data may be for its texts to share one allocation.
// Whoever keeps one of them keeps all.
const sharedTexts = 1 << 10

// keep returns the text that was just read as a string.
func (d *decoder) keep(text []byte) string {
	if d.escaped || len(d.data) > sharedTexts {
		return string(text)
	}
	if d.texts == "" {
		d.texts = string(d.data)
	}
	end := d.pos - len(`"`)
	return d.texts[end-len(text) : end]
}

// number reads a number if one comes next, as JSON writes it.
func (d *decoder) number() (text []byte, ok bool) {
	d.peek()
	data, i := d.data, d.pos
	if i < len(data) && data[i] == '-' {
		i++
	}
	whole := i
	i = skipDigits(data, i)
	ok = i > whole && (data[whole] != '0' || i == whole+1)
	if i < len(data) && data[i] == '.' {
		point := i + 1
		i = skipDigits(data, point)
		ok = ok && i > point
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		power := i
		i = skipDigits(data, i)
		ok = ok && i > power
	}
	if !ok {
		return nil, false
	}
	text, d.pos = data[d.pos:i], i
	return text, true
}

// skipDigits returns where the digits end that start at i.
func skipDigits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}
