package model

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// whole is the whole number that a literal says, if an int64 can be that.
func whole(literal string) (int64, bool) {
	const bits = 256 // more than any literal needs that is within int64
	f, _, err := big.ParseFloat(literal, 10, bits, big.ToNearestEven)
	if err != nil {
		return 0, false
	}
	n, accuracy := f.Int64()
	return n, accuracy == big.Exact
}

func number64(n *node) float64 {
	value, _ := strconv.ParseFloat(n.text, 64)
	return value
}

// keep refuses a number that no float64 is: one beyond them all, or too near to
// 0, and a whole one that would become another.
func (r *reader) keep(n *node) {
	const hint = "send it as a string"
	value, err := strconv.ParseFloat(n.text, 64)
	mantissa, _, _ := strings.Cut(strings.ToLower(n.text), "e")
	switch exact, isWhole := whole(n.text); {
	case err != nil, value == 0 && strings.ContainsAny(mantissa, "123456789"):
		r.fail(n, hint, "%s is beyond all numbers of Go", shortened(n.text))
	case strings.ContainsAny(n.text, ".eE"):
	case !isWhole || new(big.Float).SetFloat64(value).Cmp(new(big.Float).SetInt64(exact)) != 0:
		r.fail(n, hint, "%s is beyond the whole numbers of Go, and would become another", shortened(n.text))
	}
}

// shortened is as much of a literal as a message has room for.
func shortened(literal string) string {
	const room = 40
	if len(literal) > room {
		return literal[:room] + "…"
	}
	return literal
}

// allows reports whether the rules of a number let it be value.
func (t *Type) allows(value float64) bool {
	switch {
	case t.least != nil && (value < t.least.value || t.least.open && value == t.least.value),
		t.most != nil && (value > t.most.value || t.most.open && value == t.most.value):
		return false
	}
	for _, n := range t.allowed {
		if number64(n) == value {
			return true
		}
	}
	return len(t.allowed) == 0
}

// has reports whether a number of the schema's keeps the limits, and is one of
// the type.
func (t *Type) has(n *node) bool {
	if t.Kind != Int {
		return t.inRange(number64(n))
	}
	value, ok := whole(n.text)
	switch {
	case !ok, t.Bits == 32 && int64(int32(value)) != value,
		t.least != nil && (value < t.least.whole || t.least.open && value == t.least.whole),
		t.most != nil && (value > t.most.whole || t.most.open && value == t.most.whole):
		return false
	}
	return true
}

// numberOf writes a number of the schema's as one of the type.
func (t *Type) numberOf(n *node) string {
	if value, ok := whole(n.text); ok && t.Kind == Int {
		return strconv.FormatInt(value, 10)
	}
	return t.number(number64(n))
}

// makeNumber makes a number that keeps the rules.
func (t *Type) makeNumber(n int) string {
	if len(t.allowed) > 0 {
		return t.numberOf(t.choice(n, t.has))
	}
	if e := t.example; n == 0 && e != nil && e.kind == number && t.has(e) {
		return t.numberOf(e)
	}
	step := 1.0
	if t.step != nil {
		step = number64(t.step)
	}
	at := step
	if t.Kind == Float && t.step == nil {
		at = 12.5
	}
	if t.most != nil && !t.inRange(at) {
		at = math.Floor(t.most.value/step) * step
		if t.most.open && at >= t.most.value {
			at -= step
		}
		at -= step * float64(n)
	}
	if t.least != nil && !t.inRange(at) {
		at = math.Ceil(t.least.value/step) * step
		if t.least.open && at <= t.least.value {
			at += step
		}
	}
	if made := at + step*float64(n); t.inRange(made) {
		at = made
	}
	if !t.inRange(at) && t.Kind == Float && t.least != nil && t.most != nil { // a step is too far
		at = t.least.value + (t.most.value-t.least.value)*float64(n+1)/float64(n+2)
	}
	return t.number(at)
}

func (t *Type) number(value float64) string {
	if t.Kind == Int {
		for _, b := range []*bound{t.least, t.most} {
			if b != nil && value == b.value && !b.open {
				return strconv.FormatInt(b.whole, 10)
			}
		}
		return strconv.FormatInt(int64(value), 10)
	}
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if len(text) > 30 {
		return strconv.FormatFloat(value, 'e', -1, 64)
	}
	return text
}

// inRange reports whether a number keeps the limits, and is one of the type.
func (t *Type) inRange(value float64) bool {
	beyond := math.MaxFloat64
	switch {
	case t.Kind == Int && t.Bits == 32:
		beyond = math.MaxInt32
	case t.Kind == Int:
		beyond = 1 << 62
	case t.Bits == 32:
		beyond = math.MaxFloat32
	}
	if math.Abs(value) > beyond || math.IsNaN(value) {
		return false
	}
	limited := *t
	limited.allowed = nil
	return limited.allows(value)
}
