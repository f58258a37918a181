package model

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// precise is the number that a literal says, with more bits than any that a float64
// is near to has before its point.
func precise(literal string) *big.Float {
	const bits = 1100
	f, _, err := big.ParseFloat(literal, 10, bits, big.ToNearestEven)
	if err != nil {
		return new(big.Float)
	}
	return f
}

// exact is the whole number that a literal says, if it says one that a float64 is
// near to.
func exact(literal string) (*big.Int, bool) {
	if value, err := strconv.ParseFloat(literal, 64); err != nil || math.IsInf(value, 0) {
		return nil, false
	}
	n, accuracy := precise(literal).Int(nil)
	return n, accuracy == big.Exact
}

// whole is the same, if an int64 can be that.
func whole(literal string) (int64, bool) {
	n, ok := exact(literal)
	if !ok || !n.IsInt64() {
		return 0, false
	}
	return n.Int64(), true
}

// room are the least and the most that a whole number of the type can be.
func (t *Type) room() (low, high *big.Int) {
	switch {
	case t.Uint:
		return new(big.Int), new(big.Int).SetUint64(math.MaxUint64)
	case t.Bits == 32:
		return big.NewInt(math.MinInt32), big.NewInt(math.MaxInt32)
	}
	return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
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
	value, ok := exact(n.text)
	if !ok {
		return false
	}
	low, high := t.room()
	switch {
	case value.Cmp(low) < 0 || value.Cmp(high) > 0,
		t.least != nil && (value.Cmp(t.least.whole) < 0 || t.least.open && value.Cmp(t.least.whole) == 0),
		t.most != nil && (value.Cmp(t.most.whole) > 0 || t.most.open && value.Cmp(t.most.whole) == 0):
		return false
	}
	return true
}

// numberOf writes a number of the schema's as one of the type.
func (t *Type) numberOf(n *node) string {
	if value, ok := exact(n.text); ok && t.Kind == Int {
		return value.String()
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
	if t.Kind == Int {
		return t.makeWhole(n)
	}
	step := 1.0
	if t.step != nil {
		step = number64(t.step)
	}
	at := step
	if t.step == nil {
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
	if !t.inRange(at) && t.least != nil && t.most != nil { // a step is too far
		at = t.least.value + (t.most.value-t.least.value)*float64(n+1)/float64(n+2)
	}
	return t.number(at)
}

// makeWhole makes a whole number that keeps the rules.
func (t *Type) makeWhole(n int) string {
	step := big.NewInt(1)
	if t.step != nil {
		if exact, ok := new(big.Rat).SetString(strconv.FormatFloat(number64(t.step), 'f', -1, 64)); ok {
			step.Set(exact.Num()) // the whole multiples of 2.5 are those of 5
		}
	}
	low, high := t.room()
	one := big.NewInt(1)
	if t.least != nil {
		low = new(big.Int).Set(t.least.whole)
		if t.least.open {
			low.Add(low, one)
		}
	}
	if t.most != nil {
		high = new(big.Int).Set(t.most.whole)
		if t.most.open {
			high.Sub(high, one)
		}
	}
	multiple := func(limit *big.Int) *big.Int { // the largest up to limit
		return new(big.Int).Mul(new(big.Int).Div(limit, step), step)
	}
	at := new(big.Int).Set(step)
	if at.Cmp(low) < 0 {
		at = multiple(new(big.Int).Add(low, new(big.Int).Sub(step, one)))
	}
	up := new(big.Int).Mul(step, big.NewInt(int64(n)))
	if at.Cmp(high) > 0 {
		at = multiple(high)
	}
	for _, made := range []*big.Int{new(big.Int).Add(at, up), new(big.Int).Sub(at, up)} {
		if made.Cmp(low) >= 0 && made.Cmp(high) <= 0 {
			return made.String()
		}
	}
	return at.String()
}

func (t *Type) number(value float64) string {
	if t.Kind == Int {
		n, _ := big.NewFloat(value).Int(nil)
		return n.String()
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
	if t.Bits == 32 {
		beyond = math.MaxFloat32
	}
	if math.Abs(value) > beyond || math.IsNaN(value) {
		return false
	}
	limited := *t
	limited.allowed = nil
	return limited.allows(value)
}
