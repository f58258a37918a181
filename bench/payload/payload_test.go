package payload

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestSameForTheSameSeed also proves the size, which At checks.
func TestSameForTheSameSeed(t *testing.T) {
	a, b := NewSource(1, 1_000), NewSource(1, 1_000)
	for range 10_000 {
		key, value := a.Next()
		otherKey, otherValue := b.Next()
		if !bytes.Equal(key, otherKey) || !bytes.Equal(value, otherValue) {
			t.Fatalf("%s and %s", value, otherValue)
		}
	}
}

func TestDecodes(t *testing.T) {
	_, value := NewSource(1, 1_000).Next()
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	var e Envelope
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	if e.Header.MessageType != "PaymentReceived" || e.Body.Method != "transfer" {
		t.Errorf("%+v", e)
	}
}
