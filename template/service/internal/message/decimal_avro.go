package message

import (
	"errors"
	"math/big"
	"regexp"
)

// Decimal is a decimal number as it is written, as in 12.50: no digit of it is lost,
// and JSON has it as a text. It is for fields that are decimals in Avro. Rat
// calculates with it.
type Decimal string

var decimalText = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// UnmarshalText refuses what is no decimal number.
func (d *Decimal) UnmarshalText(text []byte) error {
	if !decimalText.Match(text) {
		return errors.New("must be a decimal number like 12.50")
	}
	*d = Decimal(text)
	return nil
}

// MarshalText returns the number as it is written.
func (d Decimal) MarshalText() ([]byte, error) { return []byte(d), nil }

// Rat returns the number to calculate with; it is 0 for a text that is none.
// FloatString of the result, with the digits that the schema has behind the point,
// is a Decimal again.
func (d Decimal) Rat() *big.Rat {
	if n, ok := new(big.Rat).SetString(string(d)); ok && decimalText.MatchString(string(d)) {
		return n
	}
	return new(big.Rat)
}
