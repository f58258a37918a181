package message

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestANumberIsWorthWhatStrconvSays, whether it is short or not.
func TestANumberIsWorthWhatStrconvSays(t *testing.T) {
	number := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,8})?`),
		rapid.StringMatching(`[1-9][0-9]{5,9}\.[0-9]{6,9}`), // around as long as a short one may be
		rapid.SampledFrom([]string{"0.1234567890123456", "-0", "-0.0", "999999999999999", "0.999999999999999", "9007199254740993", "18446744073709551616", "-9223372036854775808"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		s := scanner{data: []byte(" " + text + ",")}
		n, ok := s.number()
		if !ok || string(n.text) != text || s.peek() != ',' {
			t.Fatalf("read %q, %v", n.text, ok)
		}
		f, err := n.float()
		if want, wantErr := strconv.ParseFloat(text, 64); (err == nil) != (wantErr == nil) || math.Float64bits(f) != math.Float64bits(want) {
			t.Fatalf("float %v, %v, want %v, %v", f, err, want, wantErr)
		}
		i, err := n.int()
		if want, wantErr := strconv.ParseInt(text, 10, 64); (err == nil) != (wantErr == nil) || i != want {
			t.Fatalf("int %v, %v, want %v, %v", i, err, want, wantErr)
		}
		u, err := n.uint()
		if want, wantErr := strconv.ParseUint(text, 10, 64); (err == nil) != (wantErr == nil) || u != want {
			t.Fatalf("uint %v, %v, want %v, %v", u, err, want, wantErr)
		}
	})
}
