package message

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner reads the outer levels of an envelope, which are always the same:
// objects whose fields are known, most of them short strings. Written out it
// takes a fifth of the time of a general decoder. It reads valid JSON only;
// what it cannot read is looked at again by jsontext, to say why.
type scanner struct {
	data    []byte
	pos     int
	escaped bool   // the last string was
	scratch []byte // and this is what it was unescaped to
}

// peek returns the next byte that is not space, or 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
		s.pos++
	}
	return 0
}

// take reads c if it comes next.
func (s *scanner) take(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c { // mostly there is no space
		s.pos++
		return true
	}
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// takeNull reads null if it comes next.
func (s *scanner) takeNull() bool { return s.peek() == 'n' && s.takeWord("null") }

// takeWord reads word if it comes next, without space before it.
func (s *scanner) takeWord(word string) bool {
	end := s.pos + len(word)
	if end > len(s.data) || string(s.data[s.pos:end]) != word {
		return false
	}
	s.pos = end
	return true
}

// member is a field of an object that is known.
type member struct {
	name string
	lead string // what stands before its value when there is no space: a comma and its name
}

func newMember(name string) member { return member{name, `,"` + name + `":`} }

// takeLead reads the lead of a member if it comes next, that of an object's first
// field without its comma. It is for members that are likely: to compare is less
// work than to read.
func (s *scanner) takeLead(m *member, first bool) bool {
	if first {
		return s.takeWord(m.lead[1:])
	}
	return s.takeWord(m.lead)
}

// member reads the name of an object's next field, up to its value, and returns
// which of the members it is, or -1 when it is none of them. The name is valid
// until the next read, and nil at the object's end; false is for what is not
// JSON.
func (s *scanner) member(members []member, first bool) (i int, name []byte, ok bool) {
	if s.take('}') {
		return -1, nil, true
	}
	if !first && !s.take(',') {
		return -1, nil, false
	}
	if name, ok = s.text(); !ok || !s.take(':') {
		return -1, nil, false
	}
	for i := range members {
		if members[i].name == string(name) {
			return i, name, true
		}
	}
	return -1, name, true
}

const (
	low  = 0x0101010101010101 // times a byte: that byte in all eight
	high = 0x80 * low
)

// text reads a string if one comes next. It is not nil, and valid until the
// next read.
func (s *scanner) text() ([]byte, bool) {
	if s.peek() != '"' {
		return nil, false
	}
	data, start := s.data, s.pos+1
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
		return s.unescape(start)
	}
	s.pos, s.escaped = i+1, false
	return data[start:i], true
}

// unescape reads the string whose quote is before start: the uncommon case, with
// escapes.
func (s *scanner) unescape(start int) ([]byte, bool) {
	end := start
	for ; end < len(s.data) && s.data[end] != '"'; end++ {
		if s.data[end] == '\\' {
			end++
		}
	}
	if end >= len(s.data) {
		return nil, false
	}
	var err error
	s.scratch, err = jsontext.AppendUnquote(s.scratch[:0], s.data[start-1:end+1])
	if err != nil {
		return nil, false
	}
	s.pos, s.escaped = end+1, true
	return s.scratch, true
}
