package model

import (
	"math/big"
	"slices"
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
	case format.is("uint64") && isInt:
		t.Uint = true
	case format == nil, format.is("int64"), format.is("double"):
	default:
		t.unchecked = append(t.unchecked, "Not checked: the format "+s.string(format)+".")
	}
	t.least, t.most = s.bound("minimum", 1, isInt), s.bound("maximum", -1, isInt)
	t.least = tighter(t.least, s.beyond("exclusiveMinimum", &t.least, 1, isInt), 1)
	t.most = tighter(t.most, s.beyond("exclusiveMaximum", &t.most, -1, isInt), -1)
	if isInt {
		s.fit(t)
	}
	if t.step = s.only("multipleOf"); t.step != nil {
		if step, err := strconv.ParseFloat(s.want(t.step, number).text, 64); err != nil || step <= 0 {
			s.fail(t.step, "", "must be more than 0")
		}
		t.unchecked = append(t.unchecked, "Not checked: that it is a multiple of "+t.step.text+".")
	}
}

// fit takes a whole number for one without a sign where only that has room for it,
// and notes what no type has room for. Avro has no such type.
func (s *schema) fit(t *Type) {
	isPositive := t.least != nil && t.least.whole.Sign() >= 0
	isLarge := func(n *node) bool { whole, ok := exact(n.text); return ok && !whole.IsInt64() }
	isSmall := func(n *node) bool { whole, ok := exact(n.text); return ok && whole.Sign() < 0 }
	switch {
	case s.avro:
		t.Uint = false
	case len(t.allowed) > 0:
		t.Uint = !slices.ContainsFunc(t.allowed, isSmall) && (t.Uint || slices.ContainsFunc(t.allowed, isLarge))
	case !t.Uint:
		t.Uint = isPositive && (t.most != nil && !t.most.whole.IsInt64() || !t.least.whole.IsInt64())
	}
	if t.Uint {
		t.Bits = 64
	}
	low, high := t.room()
	if t.least != nil && t.least.whole.Cmp(low) < 0 {
		t.unchecked = append(t.unchecked, "The schema has numbers from "+shortened(s.limit(t.least, "minimum", "exclusiveMinimum"))+"; those below "+low.String()+" are refused.")
		t.least = nil
	}
	if t.most != nil && t.most.whole.Cmp(high) > 0 {
		t.unchecked = append(t.unchecked, "The schema has numbers to "+shortened(s.limit(t.most, "maximum", "exclusiveMaximum"))+"; those above "+high.String()+" are refused.")
		t.most = nil
	}
	for b, hint := range map[*bound]string{t.least: "minimum", t.most: "maximum"} {
		if b != nil && (b.whole.Cmp(low) < 0 || b.whole.Cmp(high) > 0) {
			s.fail(s.at, "send it as a string", "%s %s is beyond all whole numbers of Go", hint, shortened(b.whole.String()))
		}
	}
}

// limit is a limit as the schema writes it.
func (s *schema) limit(b *bound, words ...string) string {
	for _, word := range words {
		if n := s.first(word); n != nil && n.kind == number && number64(n) == b.value {
			return n.text
		}
	}
	return b.whole.String()
}

// beyond reads a limit that is not a value itself. In draft 4 it is a word on the
// other limit.
func (s *schema) beyond(word string, closed **bound, side float64, isInt bool) *bound {
	n := s.only(word)
	if n == nil {
		return nil
	}
	if n.kind == boolean {
		if *closed != nil && n.truth && (!isInt || (*closed).isExact) {
			(*closed).open = true
		}
		return nil
	}
	b := s.bound(word, side, isInt)
	b.open = !isInt || b.isExact
	return b
}

// bound reads a limit; side is 1 for the least and -1 for the most. Whole numbers
// have limits that are: from 0.5 they begin at 1.
func (s *schema) bound(word string, side float64, isInt bool) *bound {
	n := s.only(word)
	if n == nil || n.kind == boolean {
		return nil
	}
	value, err := strconv.ParseFloat(s.want(n, number).text, 64)
	if err != nil {
		s.fail(n, "", "%s is beyond all numbers of Go", shortened(n.text))
	}
	b := &bound{value: value, isExact: true}
	if !isInt {
		return b
	}
	f := precise(n.text)
	b.whole, _ = f.Int(nil) // which cuts towards 0
	if off := f.Cmp(new(big.Float).SetInt(b.whole)); off != 0 {
		b.isExact = false
		if float64(off) == side {
			b.whole.Add(b.whole, big.NewInt(int64(side)))
		}
	}
	if !b.isExact {
		b.value, _ = new(big.Float).SetInt(b.whole).Float64()
	}
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
