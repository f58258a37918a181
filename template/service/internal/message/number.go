package message

import "strconv"

// number is a number as JSON writes it. Most are short, and worth as much as
// their digits say; of others strconv makes what they are worth.
type number struct {
	text     []byte
	negative bool
	short    bool   // at most exactDigits, no exponent
	digits   uint64 // of a short one, the point left out
	decimals int    // how many of those are behind the point
}

// exactDigits is how many digits a float64 has room for, whatever they are.
const exactDigits = 15

// number reads a number, and returns false when what comes next is none.
func (s *scanner) number() (n number, ok bool) {
	s.peek()
	i, data := s.pos, s.data
	if n.negative = i < len(data) && data[i] == '-'; n.negative {
		i++
	}
	whole := i
	for ; i < len(data) && data[i]-'0' <= 9; i++ {
		n.digits = 10*n.digits + uint64(data[i]-'0')
	}
	if i == whole || data[whole] == '0' && i > whole+1 {
		return n, false
	}
	count := i - whole
	if i < len(data) && data[i] == '.' {
		i++
		point := i
		for ; i < len(data) && data[i]-'0' <= 9; i++ {
			n.digits = 10*n.digits + uint64(data[i]-'0')
		}
		if n.decimals = i - point; n.decimals == 0 {
			return n, false
		}
	}
	n.short = count+n.decimals <= exactDigits
	if i < len(data) && data[i]|0x20 == 'e' {
		n.short = false
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		power := i
		for i < len(data) && data[i]-'0' <= 9 {
			i++
		}
		if i == power {
			return n, false
		}
	}
	n.text = data[s.pos:i]
	s.pos = i
	return n, true
}

// int returns what n is worth, or an error when that is no int64 or is not
// written as one.
func (n number) int() (int64, error) {
	switch {
	case !n.short || n.decimals > 0:
		return strconv.ParseInt(string(n.text), 10, 64)
	case n.negative:
		return -int64(n.digits), nil
	}
	return int64(n.digits), nil
}

// uint is int for uint64.
func (n number) uint() (uint64, error) {
	if !n.short || n.decimals > 0 || n.negative {
		return strconv.ParseUint(string(n.text), 10, 64)
	}
	return n.digits, nil
}

// powers are those of ten that a short number is divided by.
var powers = [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// float returns the float64 next to n, or an error when n is beyond them. Where
// digits and power are both exact, so is what a division rounds: Clinger, How to
// read floating point numbers accurately, 1990, which strconv does as well.
func (n number) float() (float64, error) {
	if !n.short {
		return strconv.ParseFloat(string(n.text), 64)
	}
	x := float64(n.digits) / powers[n.decimals]
	if n.negative {
		x = -x
	}
	return x, nil
}
