package message_test

import (
	"encoding/json"
	"testing"

	"github.com/ouroboros-forge/forge/template/service/internal/message"
)

// TestDecimalIsReadAsItIsWritten proves that a decimal keeps its digits in JSON,
// that what is none is refused, and that one can calculate with it.
func TestDecimalIsReadAsItIsWritten(t *testing.T) {
	var d message.Decimal
	if err := json.Unmarshal([]byte(`"-12.50"`), &d); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(d); err != nil || string(text) != `"-12.50"` {
		t.Errorf("%s, %v", text, err)
	}
	if twice := d.Rat(); twice.Add(twice, twice).FloatString(2) != "-25.00" {
		t.Errorf("twice %s is %s", d, twice)
	}
	for _, bad := range []string{`"1/3"`, `""`, `"1e3"`, `"+1"`, `".5"`, `"5."`, `"NaN"`, `12.5`} {
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	if message.Decimal("1/3").Rat().Sign() != 0 {
		t.Error("what is no decimal number is one")
	}
}
