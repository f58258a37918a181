package model

import (
	"math"
	"strconv"
)

func (s *schema) numbers(t *Type, isInt bool) {
	t.Kind, t.Bits = Float, 64
	if isInt {
		t.Kind = Int
	}
	switch format := s.first("format"); {
	case format.is("int32") && isInt, format.is("float") && !isInt:
		t.Bits = 32
	case format == nil, format.is("int64"), format.is("double"):
	default:
		t.unchecked = append(t.unchecked, "Not checked: the format "+s.string(format)+".")
	}
	t.least, t.most = s.bound("minimum", 1, isInt), s.bound("maximum", -1, isInt)
	t.least = tighter(t.least, s.beyond("exclusiveMinimum", &t.least, 1, isInt), 1)
	t.most = tighter(t.most, s.beyond("exclusiveMaximum", &t.most, -1, isInt), -1)
	if t.step = s.only("multipleOf"); t.step != nil {
		if step, err := strconv.ParseFloat(s.want(t.step, number).text, 64); err != nil || step <= 0 {
			s.fail(t.step, "", "must be more than 0")
		}
		t.unchecked = append(t.unchecked, "Not checked: that it is a multiple of "+t.step.text+".")
	}
}

// beyond reads a limit that is not a value itself. In draft 4 it is a word on the
// other limit.
func (s *schema) beyond(word string, closed **bound, side float64, isInt bool) *bound {
	n := s.only(word)
	if n == nil {
		return nil
	}
	if n.kind == boolean {
		if *closed != nil && n.truth {
			(*closed).open = true
		}
		return nil
	}
	b := s.bound(word, side, isInt)
	if b != nil && b.value == number64(n) {
		b.open = true
	}
	return b
}

// bound reads a limit; side is 1 for the least and -1 for the most. Whole
// numbers have limits that are. One that no int64 reaches is none.
func (s *schema) bound(word string, side float64, isInt bool) *bound {
	n := s.only(word)
	if n == nil || n.kind == boolean {
		return nil
	}
	value, err := strconv.ParseFloat(s.want(n, number).text, 64)
	if err != nil {
		s.fail(n, "", "%s is beyond all numbers of Go", shortened(n.text))
	}
	b := &bound{value: value}
	if !isInt {
		return b
	}
	if exact, ok := whole(n.text); ok {
		b.whole = exact
		return b
	}
	b.value = side * math.Ceil(side*value)
	if math.Abs(b.value) >= math.MaxInt64 {
		if b.value*side > 0 {
			s.fail(n, "", "%s is beyond all whole numbers of Go", shortened(n.text))
		}
		return nil
	}
	b.whole = int64(b.value)
	return b
}

// tighter returns the limit of two that leaves less.
func tighter(a, b *bound, side float64) *bound {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.value*side > b.value*side || a.value == b.value && a.open:
		return a
	}
	return b
}
