// Package payload has the messages of the benchmark: envelopes of 545 bytes
// that are the same for the same seed.
package payload

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Size is the length of every envelope in bytes.
const Size = 545

// stampLayout has a fixed width, so that every envelope has the same size.
const stampLayout = "2006-01-02T15:04:05.000000000Z"

const format = `{"header":{"messageType":"PaymentReceived","schemaName":"payment","schemaVersion":"1.0.0",` +
	`"correlationId":"6f1d8f5e-8c7b-4f0e-9d0a-3a5f%08[1]x","messageId":"0192f0c1-7a4b-7c3d-8e9f-0a1b%08[1]x",` +
	`"timestamp":"%[2]s","producer":"billing-frontend"},` +
	`"body":{"id":"pay-%08[1]x","customer":"customer-%07[3]d","currency":"EUR","amount":%06.2[4]f,"quantity":%[5]d,"express":true,` +
	`"method":"transfer","street":"Hauptstrasse %03[6]d, 10115 Berlin","note":"please ring twice, the bell is shy, and it hangs behind an ivy on the right side."}}`

// Source makes messages, the same ones for the same seed.
type Source struct {
	random *rand.Rand
	keys   int
	next   uint32
	began  time.Time
}

// NewSource returns a source of messages with the given number of keys, each
// as likely as the others.
func NewSource(seed uint64, keys int) *Source {
	return &Source{
		random: rand.New(rand.NewPCG(seed, 545)), //nolint:gosec // the same messages each time
		keys:   keys,
		began:  time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

// Next returns the next message.
func (s *Source) Next() (key, value []byte) {
	return s.At(s.began.Add(time.Duration(s.next) * time.Millisecond))
}

// At is Next with a timestamp for the header.
func (s *Source) At(sent time.Time) (key, value []byte) {
	customer := s.random.IntN(s.keys)
	s.next++
	value = fmt.Appendf(make([]byte, 0, Size), format, s.next, sent.UTC().Format(stampLayout), customer,
		100+s.random.Float64()*800, 1+s.random.IntN(9), s.random.IntN(1000))
	if len(value) != Size {
		panic(fmt.Sprintf("an envelope has %d bytes, not %d: %s", len(value), Size, value))
	}
	return fmt.Appendf(nil, "customer-%07d", customer), value
}
